package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// something is what happens in the shop at one time of an ordinary day.
func (y *year) something(ctx context.Context) error {
	switch n := y.random.IntN(100); {
	case n < 34:
		return y.buy(ctx)
	case n < 62:
		return y.send(ctx)
	case n < 70:
		return y.signUp(y.as(ctx, audit.Actor{ID: "web", Type: "service", Name: "web shop"}, ""))
	case n < 84:
		return y.support(ctx)
	case n < 92:
		return y.restock(ctx)
	case n < 96:
		return y.reprice(ctx)
	case n < 98:
		return y.describe(ctx)
	default:
		return y.leave(ctx)
	}
}

func (y *year) customer() uint { return y.customers[y.random.IntN(len(y.customers))] }
func (y *year) product() uint  { return y.products[y.random.IntN(len(y.products))] }

// buy is an order of a customer's own.
func (y *year) buy(ctx context.Context) error {
	id := y.customer()
	var c Customer
	if err := y.db.WithContext(ctx).First(&c, id).Error; err != nil {
		return nil //nolint:nilerr // has left
	}
	tx := y.as(ctx, audit.Actor{ID: fmt.Sprint(id), Type: "customer", Name: c.Name}, "")
	order := Order{CustomerID: id, State: "paid"}
	for range 1 + y.random.IntN(3) {
		var p Product
		if err := tx.First(&p, y.product()).Error; err != nil {
			return err
		}
		order.Lines = append(order.Lines, OrderLine{ProductID: p.ID, Quantity: 1 + y.random.IntN(3), Price: p.Price})
	}
	return tx.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&order).Error; err != nil {
			return err
		}
		y.open = append(y.open, order.ID)
		for _, l := range order.Lines {
			if err := tx.Model(&Product{ID: l.ProductID}).Update("stock", gorm.Expr("stock - ?", l.Quantity)).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// send takes the oldest order a step further, or cancels it.
func (y *year) send(ctx context.Context) error {
	if len(y.open) == 0 {
		return nil
	}
	var o Order
	if err := y.db.WithContext(ctx).First(&o, y.open[0]).Error; err != nil {
		return err
	}
	if y.random.IntN(20) == 0 {
		y.open = y.open[1:]
		return y.as(ctx, y.anyone(), fmt.Sprintf("ticket %d: cancelled by the customer", y.ticket())).Delete(&o).Error
	}
	next := map[string]string{"paid": "packed", "packed": "sent", "sent": "delivered"}[o.State]
	who := y.staff[3]
	if next == "delivered" {
		who, y.open = audit.Actor{ID: "carrier", Type: "service", Name: "parcel service"}, y.open[1:]
	}
	return y.as(ctx, who, "").Model(&o).Update("state", next).Error
}

// support changes what a customer asked to have changed.
func (y *year) support(ctx context.Context) error {
	tx := y.as(ctx, y.staff[y.random.IntN(3)], y.reason())
	c := Customer{ID: y.customer()}
	switch y.random.IntN(5) {
	case 0, 1:
		return tx.Model(&c).Update("phone", y.phone()).Error
	case 2:
		a := cities[y.random.IntN(len(cities))]
		return tx.Model(&c).Select("Address").Updates(Customer{Address: a}).Error
	case 3:
		return tx.Model(&c).Update("note", []string{"Prefers to be called in the morning.", "Leave parcels with the neighbour at number 9.", "Asked for an invoice on paper."}[y.random.IntN(3)]).Error
	default:
		return tx.Model(&c).Update("newsletter", gorm.Expr("NOT newsletter")).Error
	}
}

func (y *year) restock(ctx context.Context) error {
	tx := y.as(ctx, audit.Actor{ID: "stock", Type: "service", Name: "stock count"}, "delivery from the workshop")
	return tx.Model(&Product{}).Where("stock < 25").Update("stock", gorm.Expr("stock + 60")).Error
}

func (y *year) reprice(ctx context.Context) error {
	var p Product
	if err := y.db.WithContext(ctx).First(&p, y.product()).Error; err != nil {
		return err
	}
	price := math.Round(p.Price*(0.9+y.random.Float64()*0.25)*2) / 2
	return y.as(ctx, y.staff[2], "price round").Model(&p).Update("price", price).Error
}

func (y *year) describe(ctx context.Context) error {
	i := y.random.IntN(len(goods))
	text := goods[i].text + []string{" Made to order.", " Now with free shipping.", " Last pieces."}[y.random.IntN(3)]
	return y.as(ctx, y.staff[2], "texts for the season").Model(&Product{ID: y.products[i]}).Update("description", text).Error
}

// leave is a customer who closes the account, or comes back.
func (y *year) leave(ctx context.Context) error {
	i := y.random.IntN(len(y.customers))
	if len(y.customers) < 10 || y.customers[i] == y.customers[0] {
		return nil
	}
	id := y.customers[i]
	y.customers = slices.Delete(y.customers, i, i+1)
	return y.as(ctx, y.staff[0], fmt.Sprintf("ticket %d: account closed", y.ticket())).Delete(&Customer{ID: id}).Error
}

// story is what happened in the last days: the first customer's phone number was changed,
// and changed back by somebody else, and an order was put right.
func (y *year) story(ctx context.Context, end time.Time) error {
	steps := []struct {
		before time.Duration
		do     func() error
	}{
		{68 * time.Hour, func() error {
			return y.as(ctx, y.staff[1], "ticket 4711: customer called, new number").Model(&Customer{ID: y.customers[0]}).Update("phone", "+447946095501").Error
		}},
		{26 * time.Hour, func() error {
			return y.as(ctx, y.staff[0], "ticket 4718: that was somebody else’s number").Model(&Customer{ID: y.customers[0]}).Update("phone", "+447946012345").Error
		}},
		{5 * time.Hour, func() error {
			tx := y.as(ctx, y.staff[2], "texts for the season")
			return tx.Model(&Product{ID: y.products[0]}).Update("description", "A lamp with an oiled walnut foot and a brass arm. The shade turns and tilts. A bulb is included.").Error
		}},
		{2 * time.Hour, func() error {
			return y.as(ctx, y.staff[0], "ticket 4722: moved").Model(&Customer{ID: y.customers[0]}).Select("Address", "Newsletter").
				Updates(Customer{Address: Address{"31 Quai Claude", "Lyon", "69001"}, Newsletter: true}).Error
		}},
		{25 * time.Minute, func() error { return y.buy(ctx) }},
	}
	for _, s := range steps {
		for i := range 4 { // life goes on in between
			y.now = end.Add(-s.before - time.Duration(20*(4-i))*time.Minute + time.Duration(y.random.IntN(900))*time.Second)
			if err := errors.Join(y.something(ctx), y.mark()); err != nil {
				return err
			}
		}
		y.now = end.Add(-s.before)
		if err := s.do(); err != nil {
			return err
		}
		if err := y.mark(); err != nil {
			return err
		}
	}
	return nil
}
