package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
)

// year lets the shop live through a year of changes, by several people. It is the same
// each time, but for when it ends.
type year struct {
	db     *gorm.DB
	random *rand.Rand
	now    time.Time
	stamps []stamp
	staff  []audit.Actor

	customers []uint
	products  []uint
	open      []uint // orders that are not delivered
	requests  int
}

// stamp is when the records up to a seq were made, in the shop's time.
type stamp struct {
	seq int64
	at  time.Time
}

func newYear(db *gorm.DB, end time.Time) *year {
	return &year{
		db: db, random: rand.New(rand.NewPCG(7, 18)), now: end.AddDate(-1, 0, 0).Truncate(time.Second), //nolint:gosec // a play, no secret
		staff: []audit.Actor{
			{ID: "7", Type: "user", Name: "Maya Lindqvist"},
			{ID: "12", Type: "user", Name: "Tomás Herrera"},
			{ID: "15", Type: "user", Name: "Priya Nair"},
			{ID: "21", Type: "user", Name: "Jonas Weber"},
		},
	}
}

var (
	firstNames = []string{"Ada", "Noor", "Émile", "Sofia", "Kwame", "Ingrid", "Mateo", "Yuki", "Clara", "Omar", "Lena", "Pavel", "Rosa", "Hugo", "Amara", "Finn"}
	lastNames  = []string{"Okafor", "Bergström", "Dubois", "Rossi", "Mensah", "Haugen", "Silva", "Tanaka", "Vogel", "Haddad", "Novak", "Moreau", "Jensen", "Costa"}
	cities     = []Address{{"12 Rue des Lilas", "Lyon", "69003"}, {"4 Harbour Street", "Bergen", "5003"}, {"88 Lindenallee", "Leipzig", "04109"}, {"23 Calle Mayor", "Valencia", "46002"}, {"7 Kirkgate", "Leeds", "LS1 6DP"}}
	goods      = []struct {
		name, text, tag string
		price           float64
	}{
		{"Walnut desk lamp", "A lamp with a walnut foot and a brass arm. The shade turns. Bulb not included.", "lighting", 89},
		{"Linen notebook", "Notebook with a linen cover, 160 pages of dotted paper, lies flat when it is open.", "paper", 14.5},
		{"Brass pen", "A pen that gets better with the years. Takes standard refills.", "paper", 32},
		{"Oak tray", "Tray of solid oak, oiled by hand. Wipe it dry after use.", "kitchen", 41},
		{"Stoneware mug", "Mug of stoneware, 300 ml, fired twice. Safe in the dishwasher.", "kitchen", 18},
		{"Wool blanket", "Blanket of new wool, woven in the north. 130 by 180 centimetres.", "home", 129},
		{"Cork coaster set", "Six coasters of natural cork.", "kitchen", 12},
		{"Reading stand", "Stand of beech for books and tablets, folds flat for travelling.", "home", 36},
	}
	supportReasons = []string{"ticket %d: customer called", "ticket %d: moved house", "ticket %d: typing mistake", "ticket %d: new number", "ticket %d"}
)

// live makes all of the year.
func (y *year) live(ctx context.Context) error {
	end := y.now.AddDate(1, 0, 0)
	if err := y.opening(ctx); err != nil {
		return err
	}
	for day := y.now.Truncate(24*time.Hour).AddDate(0, 0, 1); day.Before(end); day = day.AddDate(0, 0, 1) {
		n := 2 + y.random.IntN(5)
		if w := day.Weekday(); w == time.Saturday || w == time.Sunday {
			n = y.random.IntN(3)
		}
		if day.Month() == time.November || day.Month() == time.December {
			n += y.random.IntN(5)
		}
		at := day.Add(7*time.Hour + time.Duration(y.random.IntN(50))*time.Minute)
		for range n {
			at = at.Add(time.Duration(10+y.random.IntN(130)) * time.Minute).Add(time.Duration(y.random.IntN(60)) * time.Second)
			if at.After(end.Add(-72 * time.Hour)) {
				return y.story(ctx, end)
			}
			y.now = at
			if err := y.something(ctx); err != nil {
				return err
			}
			if err := y.mark(); err != nil {
				return err
			}
		}
	}
	return y.story(ctx, end)
}

// opening fills the shelves, as an import.
func (y *year) opening(ctx context.Context) error {
	ctx = audit.WithActor(ctx, audit.Actor{ID: "import", Type: "service", Name: "first import"})
	tx := y.db.WithContext(audit.WithReason(ctx, "opening of the shop"))
	tags := map[string]*Tag{}
	for _, g := range goods {
		if tags[g.tag] == nil {
			tags[g.tag] = &Tag{Name: g.tag}
			if err := tx.Create(tags[g.tag]).Error; err != nil {
				return err
			}
		}
		p := Product{Name: g.name, Description: g.text, Price: g.price, Stock: 40 + y.random.IntN(60)}
		if err := tx.Create(&p).Error; err != nil {
			return err
		}
		if err := tx.Model(&p).Association("Tags").Append(tags[g.tag]); err != nil {
			return err
		}
		y.products = append(y.products, p.ID)
	}
	for range 12 {
		if err := y.signUp(tx); err != nil {
			return err
		}
	}
	return y.mark()
}

// as is a context of somebody, with a request of theirs.
func (y *year) as(ctx context.Context, who audit.Actor, reason string) *gorm.DB {
	y.requests++
	ctx = audit.WithActor(ctx, who)
	ctx = audit.WithRequest(ctx, audit.Request{
		ID: fmt.Sprintf("req-%06d", y.requests), IP: fmt.Sprintf("192.0.2.%d", 10+len(who.ID)*7+len(who.Name)),
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
	})
	if reason != "" {
		ctx = audit.WithReason(ctx, reason)
	}
	return y.db.WithContext(ctx)
}

func (y *year) anyone() audit.Actor { return y.staff[y.random.IntN(len(y.staff))] }
func (y *year) ticket() int         { return 1000 + y.requests }

func (y *year) reason() string {
	return fmt.Sprintf(supportReasons[y.random.IntN(len(supportReasons))], y.ticket())
}

func (y *year) phone() *string {
	text := fmt.Sprintf("+4479460%05d", y.random.IntN(100_000))
	return &text
}

func (y *year) signUp(tx *gorm.DB) error {
	name := firstNames[y.random.IntN(len(firstNames))] + " " + lastNames[y.random.IntN(len(lastNames))]
	c := Customer{
		Name: name, Email: fmt.Sprintf("c%d@example.com", len(y.customers)+1), Address: cities[y.random.IntN(len(cities))],
		Newsletter: y.random.IntN(2) == 0, Password: "argon2id$play", IBAN: fmt.Sprintf("FR76300060000112345678%04d", y.random.IntN(10_000)),
	}
	if y.random.IntN(4) > 0 {
		c.Phone = y.phone()
	}
	if err := tx.Create(&c).Error; err != nil {
		return err
	}
	y.customers = append(y.customers, c.ID)
	return nil
}

// mark notes when the records were made that are new.
func (y *year) mark() error {
	var seq int64
	if err := y.db.Table("audit_logs").Select("COALESCE(MAX(seq), 0)").Scan(&seq).Error; err != nil {
		return err
	}
	y.stamps = append(y.stamps, stamp{seq, y.now})
	return nil
}
