package auditweb

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/history"
)

// models are the models that the viewer knows, by their tables' bare names.
type models map[string]*schema.Schema

func modelsOf(db *gorm.DB, list []any) (models, error) {
	m := models{}
	for _, model := range list {
		if model == nil {
			return nil, fmt.Errorf("%w: model is nil", history.ErrInvalidQuery)
		}
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			return nil, fmt.Errorf("%w: %T is not a model: %w", history.ErrInvalidQuery, model, err)
		}
		m[bare(stmt.Schema.Table)] = stmt.Schema
	}
	return m, nil
}

func bare(table string) string { return table[strings.LastIndexByte(table, '.')+1:] }

// of is the model of a table, or nil.
func (m models) of(table string) *schema.Schema { return m[bare(table)] }

// tables are the models' tables, sorted.
func (m models) tables() []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// columns are the columns of a table's model, or of all, sorted.
func (m models) columns(table string) []string {
	var names []string
	for name, s := range m {
		if table == "" || name == bare(table) {
			names = append(names, s.DBNames...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// plugin is what the viewer asks of the plugin on the handle.
type plugin interface {
	KeyColumns(ctx context.Context, db *gorm.DB, s *schema.Schema, table string) (names, types []string, err error)
	RecordedRow(s *schema.Schema, table string, columns []string, row []any) (map[string]any, error)
}

func (h *Handler) plugin() plugin {
	p, _ := h.db.Plugins["auditplugin"].(plugin)
	return p
}

// keyed is a new struct of the table's model with the key that a record id says; nil
// where that cannot be told.
func (h *Handler) keyed(ctx context.Context, table, id string) (any, *schema.Schema, error) {
	s := h.models.of(table)
	if s == nil || id == "" {
		return nil, nil, nil
	}
	names := s.PrimaryFieldDBNames
	if p := h.plugin(); p != nil {
		own, _, err := p.KeyColumns(ctx, h.db, s, s.Table)
		if err != nil {
			return nil, nil, err
		}
		if len(own) > 0 {
			names = own
		}
	}
	texts := []string{id}
	if len(names) > 1 && json.Unmarshal([]byte(id), &texts) != nil || len(texts) != len(names) {
		return nil, nil, nil
	}
	row := reflect.New(s.ModelType)
	for i, name := range names {
		f := s.FieldsByDBName[name]
		if f == nil || f.Set(ctx, row.Elem(), texts[i]) != nil {
			return nil, nil, nil
		}
	}
	return row.Interface(), s, nil
}
