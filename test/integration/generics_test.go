package integration

import (
	"context"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func TestGenericsCreate(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		ctx := context.Background()
		u := User{Name: "Ada"}
		s.try(gorm.G[User](s.db.DB).Create(ctx, &u))
		all := users("b", "c", "d")
		s.try(gorm.G[User](s.db.DB).CreateInBatches(ctx, &all, 2))
		s.expect("4 create users")
	})
}

func TestGenericsSetCreate(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		s.try(gorm.G[User](s.db.DB).Set(
			clause.Assignment{Column: clause.Column{Name: "name"}, Value: "Ada"},
			clause.Assignment{Column: clause.Column{Name: "age"}, Value: 5},
		).Create(context.Background()))
		s.expect("1 create users")
	})
}

func TestGenericsUpdate(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.capture(t, func(s *stage) {
		ctx := context.Background()
		n, err := gorm.G[User](s.db.DB).Where("age > ?", 20).Update(ctx, "name", "older")
		s.try(err)
		if n != 2 {
			s.Errorf("%d rows affected", n)
		}
		_, err = gorm.G[User](s.db.DB).Where("id = ?", 1).Updates(ctx, User{Name: "first", Age: 4})
		s.try(err)
		s.expect("3 update users")
	})
}

func TestGenericsSetUpdate(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.capture(t, func(s *stage) {
		_, err := gorm.G[User](s.db.DB).Where("id IN ?", []int{1, 2}).Set(
			clause.Assignment{Column: clause.Column{Name: "age"}, Value: clause.Expr{SQL: "age + ?", Vars: []any{7}}},
			clause.Assignment{Column: clause.Column{Name: "active"}, Value: false},
		).Update(context.Background())
		s.try(err)
		s.expect("2 update users")
	})
}

func TestGenericsDelete(t *testing.T) {
	scene{models: append(people(), &Counter{}), seed: func(db *gorm.DB) error {
		if err := seedUsers("a", "b")(db); err != nil {
			return err
		}
		return seedCounters("x", "y")(db)
	}}.capture(t, func(s *stage) {
		ctx := context.Background()
		_, err := gorm.G[User](s.db.DB).Where("id = ?", 1).Delete(ctx)
		s.try(err)
		_, err = gorm.G[Counter](s.db.DB).Where("hits > ?", 1).Delete(ctx)
		s.try(err)
		s.expect("1 soft_delete users", "1 delete counters")
	})
}

func TestGenericsOnConflict(t *testing.T) {
	upserts().capture(t, func(s *stage) {
		s.try(gorm.G[Counter](s.db.DB, clause.OnConflict{
			Columns: onName, DoUpdates: clause.AssignmentColumns([]string{"hits"}),
		}).Create(context.Background(), &Counter{Name: "a", Hits: 44}))
		s.expect("1 update counters")
	})
}
