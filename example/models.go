package main

import (
	"time"

	"gorm.io/gorm"
)

// Account is somebody who can sign in.
type Account struct {
	ID       uint
	Name     string
	Email    string
	Active   bool
	MFAPhone string
	// PasswordHash needs no tag: its name says that it must not be shown.
	PasswordHash string
	// RecoveryCode is recorded as changed and shown as stars and its last two
	// characters.
	RecoveryCode string `audit:"mask=2"`
	Roles        []Role `gorm:"many2many:account_roles"`
	CreatedAt    time.Time
	UpdatedAt    time.Time
	DeletedAt    gorm.DeletedAt `gorm:"index"`
}

// Role is what an account may do.
type Role struct {
	ID   uint
	Name string
}
