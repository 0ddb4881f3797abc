package snippet

import (
	"context"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

type User struct {
	ID    uint
	Name  string
	Phone string
	Role  Role
}

type Role struct {
	ID     uint
	UserID uint
	Name   string
}

type Order struct {
	ID         uint
	CustomerID uint
	Customer   Customer
	Lines      []Line
	Tags       []Tag `gorm:"many2many:order_tags"`
}

type Customer struct {
	ID        uint
	Addresses []Address
}

type Address struct{ ID, CustomerID uint }

type Line struct{ ID, OrderID uint }

type Tag struct {
	ID   uint
	Name string
}

type Visit struct {
	ID   uint
	Note string
}

var (
	ctx       context.Context
	db        *gorm.DB
	user      User
	order     Order
	visit     Visit
	countries map[string]string
	record    audit.Record
)

var _ = []any{ctx, db, user, order, visit, countries, record}
