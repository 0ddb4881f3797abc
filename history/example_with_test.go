package history_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

type Member struct {
	ID     uint
	Name   string
	RankID uint
	Rank   Rank
	Roles  []Role `gorm:"many2many:member_roles"`
	Cards  []Card
}

type Rank struct {
	ID   uint
	Name string
}

type Role struct {
	ID   uint
	Name string
}

type Card struct {
	ID       uint
	MemberID uint
	Label    string
}

// club returns a database with a member who was an editor, has another rank now, and
// had two cards at the moment that is returned.
func club() (db *gorm.DB, then history.Moment) {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	check(err)
	pool, err := db.DB()
	check(err)
	pool.SetMaxOpenConns(1) // a database in memory is its connection's own
	check(db.AutoMigrate(&Rank{}, &Role{}, &Member{}, &Card{}))
	check(db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))
	db = db.WithContext(audit.WithActor(context.Background(), audit.Actor{Name: "Grace"}))
	check(db.Create(&[]Rank{{ID: 2, Name: "editor"}, {ID: 3, Name: "owner"}}).Error)
	check(db.Create(&[]Role{{ID: 5, Name: "author"}}).Error)
	ada := Member{ID: 1, Name: "Ada", RankID: 2, Cards: []Card{{ID: 1, Label: "red"}, {ID: 2, Label: "blue"}}}
	check(db.Omit("Rank").Create(&ada).Error)
	check(db.Model(&ada).Omit("Roles.*").Association("Roles").Append(&Role{ID: 5}))
	last, err := history.Search(db).Newest().First(context.Background())
	check(err)
	check(db.Model(&Card{ID: 2}).Update("label", "green").Error)
	check(db.Delete(&Card{ID: 1}).Error)
	check(db.Model(&Member{ID: 1}).Update("rank_id", 3).Error)
	check(db.Model(&Member{ID: 1}).Association("Roles").Delete(&Role{ID: 5}))
	return db, history.After(last)
}

func ExampleQuery_With() {
	db, _ := club()
	entries, err := history.Of(db, &Member{ID: 1}).With("Cards", "Roles").Timeline(context.Background())
	check(err)
	for _, e := range entries {
		if l := e.Link; l != nil {
			fmt.Println(e.Association, "added:", l.Added, "removed:", l.Removed, l.Type, l.ID)
			continue
		}
		fmt.Println(e.Association, e.Action, e.RecordType, e.RecordID)
	}
	// Output:
	// create member 1
	// Cards create card 1
	// Cards create card 2
	// Roles added: true removed: false role 5
	// Cards update card 2
	// Cards delete card 1
	//  update member 1
	// Roles added: false removed: true role 5
}

func ExampleWith() {
	db, then := club()
	ada := Member{ID: 1}
	check(history.AsOf(context.Background(), db, &ada, then, history.With("Rank", "Cards", "Roles")))
	fmt.Println(ada.Rank.Name, ada.Cards, ada.Roles)
	// Output:
	// editor [{1 1 red} {2 1 blue}] [{5 author}]
}

func ExampleReverted_Text() {
	db, then := club()
	ctx := audit.WithReason(context.Background(), "ticket 99")
	planned, err := history.RevertTo(ctx, db, &Member{ID: 1}, then, history.With("Cards", "Roles"), history.DryRun())
	check(err)
	check(planned.Text(os.Stdout))
	_, err = history.RevertTo(ctx, db, &Member{ID: 1}, then, history.With("Cards", "Roles"))
	check(err)
	var ada Member
	check(db.Preload("Cards").Preload("Roles").First(&ada, 1).Error)
	fmt.Println(ada.RankID, ada.Cards, ada.Roles)
	// Output:
	// would update members 1
	//     rank_id: 3 → 2
	// would update cards 2 (Cards)
	//     label: "green" → "blue"
	// would insert cards 1 (Cards)
	//     id: 1
	//     member_id: 1
	//     label: "red"
	// would insert member_roles ["1","5"] (Roles)
	//     member_id: 1
	//     role_id: 5
	// 2 [{1 1 red} {2 1 blue}] [{5 author}]
}

func ExampleNames() {
	db, _ := club()
	names := history.Names(
		history.NameAssociation(db, &Member{}, "Rank", history.NameFrom(db, &Rank{}, "Name")),
		history.NameAssociation(db, &Member{}, "Roles", history.NameFrom(db, &Role{}, "Name")),
	)
	entries, err := history.Of(db, &Member{ID: 1}).With("Roles").Newest().Limit(2).Timeline(context.Background(), names)
	check(err)
	fmt.Println("removed", entries[0].Link.Type, entries[0].Link.Name)
	for _, f := range entries[1].Fields {
		fmt.Printf("%s: %s (%v) → %s (%v)\n", f.Label, f.FromName, f.From, f.ToName, f.To)
	}
	// Output:
	// removed role author
	// rank: editor (2) → owner (3)
}

func ExampleErase() {
	db, then := club()
	ctx := audit.WithReason(context.Background(), "request 17: forget me")
	o := history.EraseOptions{
		Records: []history.Query{history.Of(db, &Member{ID: 1}).With("Cards")},
		Actors:  []audit.Actor{{Name: "Grace"}},
		DryRun:  true,
	}
	planned, err := history.Erase(ctx, db, o)
	check(err)
	fmt.Println(planned.Records, "records, in", planned.Columns)
	o.DryRun = false
	_, err = history.Erase(ctx, db, o)
	check(err)

	entries, err := history.Of(db, &Card{ID: 2}).Newest().Limit(1).Timeline(ctx)
	check(err)
	for _, f := range entries[0].Fields {
		fmt.Println(f.Path, "is", f.Hidden, "by", entries[0].Actor.Name)
	}
	err = history.AsOf(ctx, db, &Card{ID: 2}, then)
	fmt.Println(errors.Is(err, history.ErrErased), err)
	event, err := history.Search(db).Type("audit_erase").Newest().First(ctx)
	check(err)
	fmt.Println(event.Action, event.Message, event.Reason)
	// Output:
	// 11 records, in [actor_name cards.label members.name members.rank_id]
	// label is erased by [erased]
	// true auditplugin: row "2" of table "cards" cannot be had back (erased: label)
	// event erased values from 11 records, 0 alerts and 0 dead letters request 17: forget me
}
