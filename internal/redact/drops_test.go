package redact_test

import (
	"testing"

	"github.com/gorm-audit/auditplugin/internal/redact"
)

type dropsInner struct {
	Kept string
	Gone string `audit:"-"`
	Next *dropsInner
}

type dropsModel struct {
	ID     uint
	Plain  string
	Never  string                `audit:"-"`
	Masked string                `audit:"mask"`
	Whole  map[string]int        `gorm:"serializer:json"`
	Holes  []dropsInner          `gorm:"serializer:json"`
	Deep   map[string]dropsInner `gorm:"serializer:json"`
}

func TestDrops(t *testing.T) {
	plan, err := planOf(&dropsModel{}, redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]bool{
		"plain": false, "never": true, "masked": false, "whole": false, "holes": true, "deep": true, "other": false,
	} {
		if got := plan.Drops(column); got != want {
			t.Errorf("Drops(%s) = %v", column, got)
		}
	}
}
