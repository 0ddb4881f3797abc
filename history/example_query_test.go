package history_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

type Customer struct {
	ID      uint
	Name    string
	Phone   string
	IBAN    string   `audit:"mask=4"`
	Address Location `gorm:"serializer:json"`
	Groups  []Group  `gorm:"many2many:customer_groups"`
}

type Location struct {
	City string `json:"city"`
	Zip  string `json:"zip"`
}

type Group struct {
	ID   uint
	Name string
}

// shop returns a database in which a customer was created by Ada, and was then
// changed twice by Grace and removed.
func shop() (*gorm.DB, *Customer) {
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{Logger: logger.Discard})
	check(err)
	pool, err := db.DB()
	check(err)
	pool.SetMaxOpenConns(1) // a database in memory is its connection's own
	check(db.AutoMigrate(&Customer{}, &Group{}))
	check(db.Use(auditplugin.New(auditplugin.WithLogger(slog.New(slog.DiscardHandler)))))

	ada := audit.WithActor(context.Background(), audit.Actor{ID: "1", Type: "user", Name: "Ada"})
	grace := audit.WithActor(context.Background(), audit.Actor{ID: "7", Type: "user", Name: "Grace"})
	c := &Customer{Name: "Eve", Phone: "+1234567890", IBAN: "DE75512108001245126199", Address: Location{City: "Paris", Zip: "75001"}}
	check(db.WithContext(audit.WithReason(ada, "signed up")).Create(c).Error)
	check(db.WithContext(audit.WithReason(grace, "ticket 1234")).Model(c).Update("phone", "+1987654321").Error)
	check(db.WithContext(audit.WithReason(grace, "moved, ticket 1235")).Model(c).Select("address", "iban").
		Updates(Customer{Address: Location{City: "Lyon", Zip: "75001"}, IBAN: "DE75512108001245120000"}).Error)
	check(db.WithContext(audit.WithReason(grace, "GDPR request")).Delete(c).Error)
	return db, c
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func show(records []audit.Record, err error) {
	check(err)
	for _, r := range records {
		fmt.Println(r.Seq, r.Action, r.RecordType, r.RecordID, r.Changed, "by", r.Actor.Name, "because", r.Reason)
	}
}

func ExampleOf() {
	db, customer := shop()
	ctx := context.Background()
	show(history.Of(db, customer).Find(ctx))
	// Output:
	// 1 create customer 1 [] by Ada because signed up
	// 2 update customer 1 [phone] by Grace because ticket 1234
	// 3 update customer 1 [address iban] by Grace because moved, ticket 1235
	// 4 delete customer 1 [] by Grace because GDPR request
}

func ExampleOfTable() {
	db, _ := shop()
	ctx := context.Background()
	member := Customer{Name: "Ann", Groups: []Group{{Name: "staff"}}}
	check(db.Create(&member).Error)
	records, err := history.OfTable(db, "customer_groups", member.ID, member.Groups[0].ID).Find(ctx)
	check(err)
	for _, r := range records {
		fmt.Println(r.Action, r.RecordType, r.RecordID)
	}
	// Output: create customer_groups ["2","1"]
}

func ExampleSearch() {
	db, _ := shop()
	ctx := context.Background()
	show(history.Search(db).Action(audit.Create, audit.Delete).Newest().Limit(20).Find(ctx))
	// Output:
	// 4 delete customer 1 [] by Grace because GDPR request
	// 1 create customer 1 [] by Ada because signed up
}

func ExampleQuery_Column() {
	db, customer := shop()
	ctx := context.Background()
	r, err := history.Of(db, customer).Column("phone").Newest().First(ctx)
	check(err)
	fmt.Println(r.Actor.Name, "changed it from", r.Before["phone"], "to", r.After["phone"])
	// Output: Grace changed it from +1234567890 to +1987654321
}

func ExampleQuery_Path() {
	db, customer := shop()
	ctx := context.Background()
	show(history.Of(db, customer).Path("address.city").Find(ctx))
	n, err := history.Of(db, customer).Path("address.zip").Count(ctx)
	check(err)
	fmt.Println(n, "changes of the zip code")
	// Output:
	// 3 update customer 1 [address iban] by Grace because moved, ticket 1235
	// 0 changes of the zip code
}

func ExampleQuery_To() {
	db, _ := shop()
	ctx := context.Background()
	show(history.Search(db).Model(&Customer{}).To("phone", "+1987654321").Find(ctx))
	// The records show the IBAN masked only.
	_, err := history.Search(db).Model(&Customer{}).To("iban", "DE75512108001245120000").Find(ctx)
	fmt.Println(err)
	// Output:
	// 2 update customer 1 [phone] by Grace because ticket 1234
	// auditplugin: value is redacted in the records: column "iban"
}

func ExampleQuery_Actor() {
	db, _ := shop()
	ctx := context.Background()
	show(history.Search(db).Actor("7").Newest().Limit(2).Find(ctx))
	// Output:
	// 4 delete customer 1 [] by Grace because GDPR request
	// 3 update customer 1 [address iban] by Grace because moved, ticket 1235
}

func ExampleQuery_Reason() {
	db, _ := shop()
	ctx := context.Background()
	show(history.Search(db).Reason("Ticket 123").Since(time.Now().Add(-time.Hour)).Find(ctx))
	// Output:
	// 2 update customer 1 [phone] by Grace because ticket 1234
	// 3 update customer 1 [address iban] by Grace because moved, ticket 1235
}

// What else did the transaction do that changed the phone?
func ExampleQuery_Transaction() {
	db, customer := shop()
	ctx := context.Background()
	r, err := history.Of(db, customer).Column("phone").First(ctx)
	check(err)
	show(history.Search(db).Transaction(r.TransactionID).Find(ctx))
	// Output: 2 update customer 1 [phone] by Grace because ticket 1234
}

func ExampleQuery_Page() {
	db, _ := shop()
	ctx := context.Background()
	q := history.Search(db).Newest().Limit(3)
	cursor := "" // as the last response gave it to the client
	for {
		records, next, err := q.After(cursor).Page(ctx)
		check(err)
		for _, r := range records {
			fmt.Print(r.Seq, " ")
		}
		fmt.Println("more:", next != "")
		if next == "" {
			break
		}
		cursor = next
	}
	// Output:
	// 4 3 2 more: true
	// 1 more: false
}

func ExampleQuery_All() {
	db, _ := shop()
	ctx := context.Background()
	perActor := map[string]int{}
	for r, err := range history.Search(db).All(ctx) {
		check(err)
		perActor[r.Actor.Name]++
	}
	fmt.Println(perActor)
	// Output: map[Ada:1 Grace:3]
}

func ExampleQuery_Scopes() {
	db, _ := shop()
	ctx := context.Background()
	named := func(db *gorm.DB) *gorm.DB { return db.Where("actor_name LIKE ?", "A%") }
	show(history.Search(db).Scopes(named).Find(ctx))
	// Output: 1 create customer 1 [] by Ada because signed up
}

func ExampleQuery_DB() {
	db, _ := shop()
	ctx := context.Background()
	var counts []struct {
		ActorName string
		Changes   int
	}
	err := history.Search(db).Since(time.Now().AddDate(0, -1, 0)).DB(ctx).
		Select("actor_name, count(*) AS changes").Group("actor_name").Order("changes DESC").Scan(&counts).Error
	check(err)
	fmt.Println(counts)
	// Output: [{Grace 3} {Ada 1}]
}

func ExampleQuery_Alias() {
	db, customer := shop()
	ctx := context.Background()
	// A later release calls the column mobile.
	q := history.Of(db, customer).Alias("phone", "mobile")
	r, err := q.Column("mobile").First(ctx)
	check(err)
	fmt.Println(r.Changed, r.Before["mobile"], r.After["mobile"])
	// Output: [mobile] +1234567890 +1987654321
}

func ExampleText() {
	db, customer := shop()
	ctx := context.Background()
	records, err := history.Of(db, customer).Action(audit.Update).Find(ctx)
	check(err)
	for i := range records { // for an output that does not change
		records[i].Time = time.Date(2026, 11, 23, 9, 15, 0, 0, time.UTC)
	}
	now := time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)
	check(history.Text(os.Stdout, records, history.Now(now), history.Zone(time.FixedZone("CET", 3600))))
	// Output:
	// 2026-11-23 10:15:00 CET (3 hours ago)  update customer 1  by Grace (user 7)
	//     reason: ticket 1234
	//     phone: "+1234567890" → "+1987654321"
	// 2026-11-23 10:15:00 CET (3 hours ago)  update customer 1  by Grace (user 7)
	//     reason: moved, ticket 1235
	//     address.city: "Paris" → "Lyon"
	//     iban: ***6199 → ***0000
}

func ExampleTimeline() {
	db, customer := shop()
	ctx := context.Background()
	records, err := history.Of(db, customer).Column("iban").Find(ctx)
	check(err)
	for _, e := range history.Timeline(records) {
		for _, f := range e.Fields {
			fmt.Printf("%s: %v → %v %q\n", f.Path, f.From, f.To, f.Hidden)
		}
	}
	// Output:
	// address.city: Paris → Lyon ""
	// iban: ***6199 → ***0000 "masked"
}
