package integration

import (
	"testing"

	"gorm.io/gorm"
)

// seedFamily makes a user with two cards and two roles, and a free role.
func seedFamily(db *gorm.DB) error {
	u := User{
		Name: "Ada", Cards: []Card{{Number: "1"}, {Number: "2"}},
		Roles: []Role{{Name: "admin"}, {Name: "editor"}},
	}
	if err := db.Create(&u).Error; err != nil {
		return err
	}
	return db.Create(&Role{Name: "free"}).Error
}

func family() scene { return scene{models: people(), seed: seedFamily} }

func TestAssociationAppend(t *testing.T) {
	family().capture(t, func(s *stage) {
		u := User{ID: 1}
		s.try(s.db.Model(&u).Association("Cards").Append(&Card{Number: "3"}))
		s.try(s.db.Model(&u).Association("Roles").Append(&Role{ID: 3}, &Role{Name: "new"}))
		s.atLeast("1 create cards", "2 create user_roles", "1 create roles")
	})
}

func TestAssociationReplace(t *testing.T) {
	family().capture(t, func(s *stage) {
		u := User{ID: 1}
		s.try(s.db.Model(&u).Association("Cards").Replace(&Card{Number: "only"}))
		s.try(s.db.Model(&u).Association("Roles").Replace([]Role{{ID: 1}, {ID: 3}}))
		s.atLeast("1 create cards", "2 update cards", "1 create user_roles", "1 delete user_roles")
	})
}

func TestAssociationDelete(t *testing.T) {
	family().capture(t, func(s *stage) {
		u := User{ID: 1}
		s.try(s.db.Model(&u).Association("Cards").Delete(&Card{ID: 2}))
		s.try(s.db.Model(&u).Association("Roles").Delete(&Role{ID: 1}))
		s.expect("1 update cards", "1 delete user_roles")
	})
}

func TestAssociationClear(t *testing.T) {
	family().capture(t, func(s *stage) {
		u := User{ID: 1}
		s.try(s.db.Model(&u).Association("Cards").Clear())
		s.try(s.db.Model(&u).Association("Roles").Clear())
		s.expect("2 update cards", "2 delete user_roles")
	})
}

func TestAssociationUnscoped(t *testing.T) {
	family().capture(t, func(s *stage) {
		s.try(s.db.Model(&User{ID: 1}).Association("Cards").Unscoped().Clear())
		s.expect("2 delete cards")
	})
}

func TestMany2Many(t *testing.T) {
	family().capture(t, func(s *stage) {
		u := User{Name: "Bea", Roles: []Role{{ID: 1, Name: "admin"}, {Name: "owner"}}}
		s.ok(s.db.Create(&u))
		s.ok(s.db.Select("Roles").Delete(&u))
		s.atLeast("1 create users", "1 create roles", "2 create user_roles", "2 delete user_roles", "1 soft_delete users")
	})
}

func TestNestedSave(t *testing.T) {
	family().capture(t, func(s *stage) {
		var u User
		s.ok(s.db.Preload("Cards").First(&u, 1))
		u.Cards[0].Number = "changed"
		u.Cards = append(u.Cards, Card{Number: "new"})
		s.ok(s.db.Session(&gorm.Session{FullSaveAssociations: true}).Save(&u))
		s.atLeast("1 create cards", "1 update cards", "1 update users")
	})
}

func TestDeleteSelect(t *testing.T) {
	family().capture(t, func(s *stage) {
		s.ok(s.db.Select("Cards").Delete(&User{ID: 1}))
		s.expect("2 delete cards", "1 soft_delete users")
	})
}
