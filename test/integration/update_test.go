package integration

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

func TestSaveExisting(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		var u User
		s.ok(s.db.First(&u, 1))
		u.Age, u.Active, u.Note = 0, false, ptr("")
		s.ok(s.db.Save(&u))
		s.expect("1 update users")
	})
}

func TestSaveNew(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		s.ok(s.db.Save(&User{Name: "no key"}))
		s.ok(s.db.Save(&User{ID: 44, Name: "a key that is absent"}))
		s.expect("2 create users")
	})
}

func TestSaveSlice(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		var all []User
		s.ok(s.db.Order("id").Find(&all))
		all[0].Age = 99
		all = append(all, User{Name: "new"})
		s.ok(s.db.Save(&all))
		// Both rows that were there get a new updated_at.
		s.expect("1 create users", "2 update users")
	})
}

func TestUpdate(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		u := User{ID: 2}
		s.ok(s.db.Model(&u).Update("name", "renamed"))
		s.ok(s.db.Model(&User{}).Where("name = ?", "renamed").Update("Name", "again"))
		s.expect("2 update users")
	})
}

func TestUpdatesStruct(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 1}).Updates(User{Name: "n", Age: 0, Email: "e"}))
		s.ok(s.db.Updates(&User{ID: 2, Age: 50}))
		s.expect("2 update users")
	})
}

func TestUpdatesMapZeroValues(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 2}).Updates(map[string]any{"active": false, "age": 0, "email": "", "balance": 0.0}))
		s.expect("1 update users")
	})
}

func TestUpdatesSelectZeroValues(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 2}).Select("Active", "Age").Updates(User{Name: "left out"}))
		s.ok(s.db.Model(&User{ID: 1}).Select("*").Omit("CreatedAt", "ID").Updates(User{Name: "everything else"}))
		s.expect("2 update users")
	})
}

func TestUpdateColumns(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 1}).UpdateColumn("age", 70))
		s.ok(s.db.Model(&User{ID: 2}).UpdateColumns(map[string]any{"age": 71, "note": nil, "name": "x"}))
		s.expect("2 update users")
	})
}

func TestUpdateSkipHooks(t *testing.T) {
	scene{models: people(), seed: seedUsers("a")}.capture(t, func(s *stage) {
		s.ok(s.db.Session(&gorm.Session{SkipHooks: true}).Model(&User{ID: 1}).Update("age", 70))
		s.expect("1 update users")
	})
}

func TestUpdateExpression(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 1}).Update("age", gorm.Expr("age * ? + ?", 2, 100)))
		s.ok(s.db.Model(&User{ID: 2}).Updates(map[string]any{"balance": gorm.Expr("balance / 3"), "name": gorm.Expr("upper(name)")}))
		s.expect("2 update users")
	})
}

func TestUpdateSubquery(t *testing.T) {
	scene{models: append(people(), &Setting{}), seed: func(db *gorm.DB) error {
		if err := seedUsers("a")(db); err != nil {
			return err
		}
		return db.Create(&Setting{Name: "n", Value: "from a subquery"}).Error
	}}.capture(t, func(s *stage) {
		query := s.db.Model(&Setting{}).Select("value").Where("name = ?", "n")
		s.ok(s.db.Model(&User{ID: 1}).Update("name", query))
		s.expect("1 update users")
	})
}

func TestUpdateManyRows(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c", "d")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{}).Where("age > ?", 20).Updates(map[string]any{"active": false, "age": gorm.Expr("age + 1")}))
		s.expect("3 update users")
	})
}

func TestUpdateColumnOfItsCondition(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{}).Where("age BETWEEN ? AND ?", 20, 21).Update("age", gorm.Expr("age + 10")))
		s.expect("2 update users")
	})
}

func TestUpdateAllRows(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&User{}).Update("email", "same"))
		if s.db.Model(&User{}).Update("email", "refused").Error == nil {
			s.Error("a global update was accepted")
		}
		s.expect("3 update users")
	})
}

func TestUpdateOrConditions(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 1}).Where("name = ?", "a").Or("name = ?", "c").Update("age", 3))
		s.expect("1 update users")
	})
}

func TestUpdateSliceModel(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.capture(t, func(s *stage) {
		s.ok(s.db.Model([]User{{ID: 1}, {ID: 3}}).Update("age", 9))
		s.expect("2 update users")
	})
}

func TestUpdateTableAlias(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.on(t, "mysql", func(s *stage) {
		s.ok(s.db.Table("users AS u").Where("u.id = ?", 1).Update("age", 9))
		s.expect("1 update users")
	})
}

func TestUpdateOrderLimit(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.on(t, "mysql", func(s *stage) {
		s.ok(s.db.Model(&User{}).Where("age > 0").Order("age DESC").Limit(1).Update("age", 90))
		s.expect("1 update users")
	})
}

func settingsForUsers(db *gorm.DB) error {
	if err := seedUsers("a", "b", "c")(db); err != nil {
		return err
	}
	return db.Create(&[]Setting{{Name: "a", Value: "1"}, {Name: "c", Value: "3"}}).Error
}

func TestUpdateFrom(t *testing.T) {
	update := func(s *stage) {
		from := clause.From{Tables: []clause.Table{{Name: "settings"}}}
		s.ok(s.db.Model(&User{}).Clauses(from).Where("settings.name = users.name").
			Update("email", gorm.Expr("settings.value")))
		s.expect("2 update users")
	}
	sc := scene{models: append(people(), &Setting{}), seed: settingsForUsers}
	sc.on(t, "sqlite", update)
	sc.on(t, "postgres", update)
}

// MySQL has no UPDATE … FROM; it names several tables instead.
func TestUpdateSeveralTables(t *testing.T) {
	scene{models: append(people(), &Setting{}), seed: settingsForUsers}.on(t, "mysql", func(s *stage) {
		s.ok(s.db.Table("users, settings").Where("settings.name = users.name").
			Update("users.email", gorm.Expr("settings.value")))
		s.expect("2 update users")
	})
}

func TestReturning(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b", "c")}.capture(t, func(s *stage) {
		if s.db.Target.Dialect != "mysql" { // MariaDB returns from INSERT and DELETE only
			s.updateReturning()
		}
		if !s.db.Returns(s.T) {
			return
		}
		var deleted []User
		s.ok(s.db.Unscoped().Clauses(clause.Returning{}).Where("id IN ?", []int{1, 2}).Delete(&deleted))
		if len(deleted) != 2 || deleted[1].Name != "b" {
			s.Errorf("returned are %+v", deleted)
		}
		if s.db.Target.Dialect == "mysql" {
			s.expect("2 delete users")
		} else {
			s.expect("3 update users", "2 delete users")
		}
	})
}

func (s *stage) updateReturning() {
	var updated []User
	s.ok(s.db.Model(&updated).Clauses(clause.Returning{}).Where("age < ?", 22).Update("age", gorm.Expr("age + 5")))
	if len(updated) != 2 || updated[0].Age != 25 || updated[0].Name == "" {
		s.Errorf("returned are %+v", updated)
	}
	one := User{ID: 3}
	s.ok(s.db.Model(&one).Clauses(clause.Returning{Columns: []clause.Column{{Name: "name"}}}).Update("age", 1))
	if one.Name != "c" {
		s.Errorf("returned is %+v", one)
	}
}

func TestUnchangedRow(t *testing.T) {
	scene{models: people(), seed: seedUsers("a", "b")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 1}).UpdateColumn("name", "a"))
		s.ok(s.db.Model(&User{}).Where("id > 0").UpdateColumn("age", 21))
		s.expect("1 update users")
	})
}

func TestZeroRows(t *testing.T) {
	scene{models: people(), seed: seedUsers("a")}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{ID: 77}).Update("name", "nobody"))
		s.ok(s.db.Delete(&User{}, 77))
		s.ok(s.db.Unscoped().Where("name = ?", "nobody").Delete(&User{}))
		s.expect()
	})
}

func TestDryRun(t *testing.T) {
	scene{models: people(), seed: seedUsers("a")}.capture(t, func(s *stage) {
		dry := s.db.Session(&gorm.Session{DryRun: true})
		s.ok(dry.Create(&User{Name: "n"}))
		s.ok(dry.Model(&User{ID: 1}).Update("name", "n"))
		stmt := s.ok(dry.Delete(&User{}, 1)).Statement
		if stmt.SQL.Len() == 0 {
			s.Error("the dry run built no SQL")
		}
		if sql := s.db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Model(&User{ID: 1}).Update("age", 3) }); sql == "" {
			s.Error("ToSQL built no SQL")
		}
		s.expect()
	})
}
