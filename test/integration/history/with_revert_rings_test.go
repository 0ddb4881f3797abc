package history_test

import (
	"errors"
	"testing"

	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// guild has one chief, who leads one guild at most, members of whom one is named in the
// guild itself, and songs in an order.
type guild struct {
	ID     uint   `gorm:"primaryKey;autoIncrement:false"`
	Chief  *chief `gorm:"foreignKey:GuildID"`
	BestID *uint
	Best   *singer  `gorm:"foreignKey:BestID"`
	Staff  []singer `gorm:"foreignKey:GuildID"`
	Songs  []song   `gorm:"many2many:guild_songs"`
}

type chief struct {
	ID      uint `gorm:"primaryKey;autoIncrement:false"`
	GuildID uint `gorm:"unique"`
	Name    string
}

type singer struct {
	ID      uint `gorm:"primaryKey;autoIncrement:false"`
	GuildID uint
	Seat    int `gorm:"uniqueIndex:seats,where:left_at = 0"`
	LeftAt  int
}

type song struct {
	ID    uint   `gorm:"primaryKey;autoIncrement:false"`
	Title string `gorm:"size:20;unique"`
}

func openGuilds(t *testing.T, g testdb.Target) *undoneWhole {
	t.Helper()
	db := g.Open(t)
	best := ""
	if g.Dialect == testdb.SQLite {
		best = " REFERENCES singers (id)"
	}
	statements := []string{
		"CREATE TABLE guilds (id bigint PRIMARY KEY, best_id bigint NULL" + best + ")",
		"CREATE TABLE chiefs (id bigint PRIMARY KEY, guild_id bigint NOT NULL UNIQUE, name varchar(20))",
		"CREATE TABLE singers (id bigint PRIMARY KEY, guild_id bigint NOT NULL, seat bigint, left_at bigint, CONSTRAINT sg FOREIGN KEY (guild_id) REFERENCES guilds (id))",
		"CREATE TABLE songs (id bigint PRIMARY KEY, title varchar(20) NOT NULL UNIQUE)",
		"CREATE TABLE guild_songs (guild_id bigint, song_id bigint, PRIMARY KEY (guild_id, song_id), CONSTRAINT gs FOREIGN KEY (song_id) REFERENCES songs (id))",
	}
	if best == "" {
		statements = append(statements, "ALTER TABLE guilds ADD CONSTRAINT gb FOREIGN KEY (best_id) REFERENCES singers (id)")
	}
	if g.Dialect != testdb.MySQL {
		statements = append(statements, "CREATE UNIQUE INDEX seats ON singers (seat) WHERE left_at = 0")
	}
	for _, statement := range statements {
		_, err := db.Raw.Exec(statement)
		must(t, err)
	}
	must(t, db.Create(&[]song{{1, "a"}, {2, "b"}, {3, "c"}}).Error)
	must(t, db.Omit("Staff", "Songs", "Chief", "Best").Create(&[]guild{{ID: 1}, {ID: 2}}).Error)
	must(t, db.Create(&[]singer{{ID: 1, GuildID: 1, Seat: 1}, {ID: 2, GuildID: 1, Seat: 2}, {ID: 3, GuildID: 2, Seat: 3}}).Error)
	must(t, db.Model(&guild{ID: 1}).UpdateColumn("best_id", 1).Error)
	must(t, db.Create(&[]chief{{1, 1, "x"}, {2, 2, "y"}}).Error)
	must(t, db.Table("guild_songs").Create([]map[string]any{{"guild_id": 1, "song_id": 1}, {"guild_id": 1, "song_id": 2}}).Error)
	return &undoneWhole{T: t, db: db, tables: []string{"guilds", "chiefs", "singers", "songs", "guild_songs"}}
}

// What several tables hand on to each other goes back together.
func TestRevertToWithRings(t *testing.T) {
	column := func(model any, column string, to any) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Model(model).UpdateColumn(column, to).Error }
	}
	add := func(row any) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error { return tx.Omit("Staff").Create(row).Error }
	}
	remove := func(row any) func(tx *gorm.DB) error { return func(tx *gorm.DB) error { return tx.Delete(row).Error } }
	joins := func(songs ...uint) func(tx *gorm.DB) error {
		return func(tx *gorm.DB) error {
			err := tx.Table("guild_songs").Where("guild_id = 1").Delete(map[string]any{}).Error
			for _, s := range songs {
				err = errors.Join(err, tx.Table("guild_songs").Create(map[string]any{"guild_id": 1, "song_id": s}).Error)
			}
			return err
		}
	}
	for name, steps := range map[string][]func(tx *gorm.DB) error{
		"the chiefs change places": {column(&chief{ID: 1}, "guild_id", 9), column(&chief{ID: 2}, "guild_id", 1), column(&chief{ID: 1}, "guild_id", 2)},
		"another chief":            {remove(&chief{ID: 1}), add(&chief{7, 1, "z"})},
		"the best is new":          {add(&singer{ID: 9, GuildID: 1, Seat: 9}), column(&guild{ID: 1}, "best_id", 9)},
		"the best is gone":         {column(&guild{ID: 1}, "best_id", 2), remove(&singer{ID: 1})},
		"none is left":             {column(&guild{ID: 1}, "best_id", nil), remove(&singer{ID: 1}), remove(&singer{ID: 2})},
		"the best is elsewhere":    {column(&guild{ID: 1}, "best_id", 3), column(&singer{ID: 3}, "guild_id", 1), remove(&singer{ID: 1})},
		"titles are swapped":       {column(&song{ID: 1}, "title", "x"), column(&song{ID: 2}, "title", "a"), column(&song{ID: 1}, "title", "b")},
		"titles and songs":         {joins(3, 2), column(&song{ID: 1}, "title", "x"), column(&song{ID: 2}, "title", "a"), column(&song{ID: 1}, "title", "b")},
		"a song is gone":           {joins(3), remove(&song{ID: 1}), column(&song{ID: 2}, "title", "a")},
		"seats are swapped":        {column(&singer{ID: 2}, "seat", 7), column(&singer{ID: 1}, "seat", 2), column(&singer{ID: 2}, "seat", 1)},
		"a seat is left":           {column(&singer{ID: 2}, "left_at", 5), column(&singer{ID: 1}, "seat", 2)},
	} {
		t.Run(name, func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				u := openGuilds(t, g)
				then, was := history.After(lastRecord(t, u.db.DB)), u.look()
				for _, f := range steps {
					must(t, f(u.db.DB))
				}
				u.backTo(&guild{ID: 1}, then, was, history.With("Chief", "Best", "Staff", "Songs"), history.Models(&guild{}, &chief{}, &singer{}, &song{}))
			})
		})
	}
}
