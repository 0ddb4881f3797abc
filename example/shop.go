package main

import (
	"time"

	"gorm.io/gorm"
)

// Customer is somebody who buys.
type Customer struct {
	ID         uint
	Name       string
	Email      string
	Phone      *string
	Address    Address `gorm:"serializer:json"`
	Note       string
	Newsletter bool
	// Password needs no tag: its name says that it must not be shown.
	Password string
	// IBAN is shown by its last four characters.
	IBAN      string `gorm:"column:iban" audit:"mask=4"`
	Orders    []Order
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt `gorm:"index"`
}

// Address is where parcels go; its parts are compared one by one.
type Address struct {
	Street string `json:"street"`
	City   string `json:"city"`
	Zip    string `json:"zip"`
}

// Product is something that is sold.
type Product struct {
	ID          uint
	Name        string
	Description string
	Price       float64
	Stock       int
	Tags        []Tag `gorm:"many2many:product_tags"`
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Tag is what products are found by.
type Tag struct {
	ID   uint
	Name string
}

// Order is what a customer bought.
type Order struct {
	ID         uint
	CustomerID uint
	Customer   Customer
	State      string
	Lines      []OrderLine `gorm:"constraint:OnDelete:CASCADE"`
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// OrderLine is one product of an order.
type OrderLine struct {
	ID        uint
	OrderID   uint
	ProductID uint
	Product   Product
	Quantity  int
	Price     float64
}

// shopModels are the models of the shop.
func shopModels() []any { return []any{&Tag{}, &Product{}, &Customer{}, &Order{}, &OrderLine{}} }
