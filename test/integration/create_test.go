package integration

import (
	"testing"

	"gorm.io/gorm"
)

func TestCreateStruct(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		u := User{Name: "Ada", Email: "ada@example.com", Age: 36, Balance: 0.1, Note: ptr("Ünïcode 'quoted' \"text\"")}
		s.ok(s.db.Create(&u))
		if u.ID == 0 {
			s.Error("the key was not returned")
		}
		s.expect("1 create users")
	})
}

func TestCreateSlice(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		all := users("a", "b", "c")
		s.ok(s.db.Create(&all))
		pointers := []*User{{Name: "d"}, {Name: "e", Active: true}}
		s.ok(s.db.Create(pointers))
		s.expect("5 create users")
	})
}

func TestCreateGivenKeys(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		all := []User{{ID: 700, Name: "seven"}, {ID: 90, Name: "nine"}}
		s.ok(s.db.Create(&all))
		mixed := []Card{{ID: 10, Number: "ten"}, {Number: "any"}}
		s.ok(s.db.Create(&mixed))
		s.expect("2 create users", "2 create cards")
	})
}

func TestCreateMap(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{}).Create(map[string]any{"Name": "Ada", "Age": 18}))
		s.ok(s.db.Model(&User{}).Create(map[string]any{"name": "Bea", "active": true, "note": nil}))
		s.expect("2 create users")
	})
}

func TestCreateSliceOfMaps(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{}).Create(&[]map[string]any{
			{"Name": "Ada", "Age": 18},
			{"Name": "Bea", "Email": "bea@example.com"},
			{"Name": "Cleo", "Balance": 2.5},
		}))
		s.expect("3 create users")
	})
}

func TestCreateMapWithExpression(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		s.ok(s.db.Model(&User{}).Create(map[string]any{"Name": gorm.Expr("upper(?)", "ada"), "Age": gorm.Expr("1 + 1")}))
		s.expect("1 create users")
	})
}

func TestCreateInBatches(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		all := users("a", "b", "c", "d", "e", "f", "g")
		s.ok(s.db.CreateInBatches(&all, 3))
		s.expect("7 create users")
	})
}

func TestCreateBatchSizeOfSession(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		all := users("a", "b", "c", "d", "e")
		s.ok(s.db.Session(&gorm.Session{CreateBatchSize: 2}).Create(&all))
		s.expect("5 create users")
	})
}

func TestCreateSelect(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		s.ok(s.db.Select("Name").Create(&User{Name: "Ada", Age: 36, Email: "left out"}))
		s.expect("1 create users")
	})
}

func TestCreateOmit(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		s.ok(s.db.Omit("Age", "UpdatedAt").Create(&User{Name: "Ada", Age: 36, Email: "kept"}))
		s.expect("1 create users")
	})
}

func TestCreateNested(t *testing.T) {
	scene{models: people()}.capture(t, func(s *stage) {
		u := User{Name: "Ada", Cards: []Card{{Number: "1"}, {Number: "2"}}, Roles: []Role{{Name: "admin"}, {Name: "editor"}}}
		s.ok(s.db.Create(&u))
		s.expect("1 create users", "2 create cards", "2 create roles", "2 create user_roles")
	})
}

func TestFirstOrCreate(t *testing.T) {
	scene{models: people(), seed: seedUsers("there")}.capture(t, func(s *stage) {
		var made, found User
		s.ok(s.db.Where(User{Name: "new"}).Attrs(User{Age: 5}).FirstOrCreate(&made))
		s.ok(s.db.Where(User{Name: "there"}).Attrs(User{Age: 5}).FirstOrCreate(&found))
		s.expect("1 create users")
	})
}

func TestFirstOrCreateAssign(t *testing.T) {
	scene{models: people(), seed: seedUsers("there")}.capture(t, func(s *stage) {
		var made, found User
		s.ok(s.db.Where(User{Name: "new"}).Assign(User{Age: 5}).FirstOrCreate(&made))
		s.ok(s.db.Where(User{Name: "there"}).Assign(map[string]any{"age": 77}).FirstOrCreate(&found))
		s.expect("1 create users", "1 update users")
	})
}

func TestCreateFailed(t *testing.T) {
	scene{models: []any{&Counter{}}, seed: func(db *gorm.DB) error {
		return db.Create(&Counter{Name: "a"}).Error
	}}.capture(t, func(s *stage) {
		if s.db.Create(&[]Counter{{Name: "b"}, {Name: "a"}}).Error == nil {
			s.Error("a duplicate was accepted")
		}
		s.expect()
	})
}
