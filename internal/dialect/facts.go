package dialect

import "cmp"

// Facts are what is true of a database whatever its version: what can be known by the
// dialect's name alone. What is left out is standard SQL, or no. They are only read.
type Facts struct {
	// IdentQuote stands around names and is doubled in them; 0 is '"'.
	IdentQuote byte
	// TablesFold tells that tables' names which differ in case are one table.
	TablesFold bool
	// NameBytes is how much of a longer name is kept, 0 where none is longer.
	NameBytes int
	// NumbersMarks tells that placeholders are $1, $2 and so on.
	NumbersMarks bool
	// ReadAs is how a column is read so that its value is all that is stored.
	ReadAs func(expr, dbType string) string
	// SettingFunction is the function by which a SELECT changes settings of the session.
	SettingFunction string
	// OneWriter tells that writers take turns: what is not visible, and has a smaller
	// number than what is, is not there. Who reads first, and then writes, fails when
	// somebody wrote in between.
	OneWriter bool
	// ClockIsOurs tells that the database has this machine's clock.
	ClockIsOurs bool
	// Now is an expression for the database's time, in microseconds since 1970. It moves on
	// inside a transaction, and no time zone enters into it.
	Now string

	Tables
	Inserts
	Deliveries
	Rows
}

// Tables is how tables of our own are made and looked at.
type Tables struct {
	// Identity is the type of a primary key that the database counts.
	Identity string
	// Short is an integer's type, Long that of one of 64 bits, Moment a time's to the
	// microsecond, and Document that of JSON.
	Short, Long, Moment, Document string
	// Unlimited is the type of a text; "" where it has to say how long the text may be.
	Unlimited string
	// IndexesInTable tells that indexes are a part of CREATE TABLE, which TableOptions ends.
	IndexesInTable bool
	TableOptions   string
	// AddsOneColumn tells that ALTER TABLE adds one column at a time.
	AddsOneColumn bool
	// Impatience makes it an error, until the transaction ends, to wait for a lock for more
	// than ten seconds: behind ALTER TABLE every writer of the table would wait, too.
	Impatience string
	// IndexHasSchema tells that an index is created with the schema's name, not its table.
	IndexHasSchema bool
	// IndexAnswers tells that what an index holds is read before the row is looked for: a
	// column more in it saves rows that are not asked for.
	IndexAnswers bool
	// DocumentIndex is the kind of an index that looks into JSON, and DocumentClass what
	// stands behind its column; "" where there is none.
	DocumentIndex, DocumentClass string
	// ColumnsQuery asks the catalog for the columns of a table, by schema and name: a role
	// that may only INSERT can not select from it.
	ColumnsQuery string
	// SchemaQuery asks for the current schema; Schema is it, where it is always the same.
	SchemaQuery, Schema string
	// SeesAllQuery asks whether the role sees every row of a table of a quoted name, which a
	// policy may keep from it; "" where who may read sees all.
	SeesAllQuery string
	// ReplicaQuery asks whether the server only follows another; ExistsQuery whether there
	// is a table of a quoted name.
	ReplicaQuery, ExistsQuery string
	// TransactionLock waits for a number's lock and has it until the transaction ends: a
	// session's would be lost behind a pooler. SessionLock waits for a name's, some seconds,
	// until SessionUnlock, where DDL ends transactions. BeginWriting begins a transaction
	// that waits for its turn to write.
	TransactionLock, SessionLock, SessionUnlock, BeginWriting string
}

// Inserts is how rows of ours are written.
type Inserts struct {
	// MostRows is how many of them one statement has.
	MostRows int
	// PacketQuery asks how many bytes a statement may have.
	PacketQuery string
	// InsertInto begins an INSERT of rows of which all or none are wanted.
	InsertInto string
	// Unnests tells that a parameter can be a list, which makes rows: the text of a
	// statement is the same for any number.
	Unnests bool
	// MarksRepeat tells that placeholders can have numbers, ?1, and be used again.
	MarksRepeat bool
	// UnionPays tells that there are servers which take many rows faster from a derived
	// table that has what they share once.
	UnionPays bool
	// MomentLayout is a time as text, in UTC, so that no driver's setting moves it;
	// MomentMark is the placeholder of one, where a text is not enough.
	MomentLayout, MomentMark string
	// DocumentMark is the placeholder of JSON's text, where a text is not enough.
	DocumentMark string
	// IgnoresKnown begins an INSERT that leaves out rows whose key is there; "" where ON
	// CONFLICT DO NOTHING ends it. UnlessThere ends one that hides no other error.
	IgnoresKnown, UnlessThere string
}

// Deliveries is what a reader has to know who must not miss a record that commits late.
type Deliveries struct {
	// SequenceCacheQuery asks how many numbers a session takes ahead for a table's seq.
	SequenceCacheQuery string
	// AutocommitQuery asks whether statements outside a transaction commit.
	AutocommitQuery string
	// WritersQuery lists the transactions that may have written to a table and are not over;
	// TransactionsQuery all of them, with %s for a mark to know the statement itself by.
	WritersQuery, TransactionsQuery string
	// NumbersBeforeListing tells that a transaction has a number before it is listed.
	NumbersBeforeListing bool
	// Unhurried ends the SET of an UPDATE that nobody has to wait for the disk with.
	Unhurried string
	// AddNumber is the text of the first parameter, and behind it number less the second
	// one, and "}".
	AddNumber func(number string) string
	// ObjectFunction makes a JSON object, and ObjectColumn is how a column of JSON, %s, is
	// given to it.
	ObjectFunction, ObjectColumn string
}

// Rows is what it takes to find rows of the past, and to write them back.
type Rows struct {
	// GuessesWindows tells that the planner takes a window with one end for a large part
	// of the table, and walks all of it to save a sort.
	GuessesWindows bool
	// CopiesRows tells that every row that is looked at is copied with all selected columns,
	// also one that a condition then passes over.
	CopiesRows bool
	// ScattersWindows tells that the planner takes the rows of a window for scattered over the
	// table, and reads all of it, though every index has the primary key, by which rows lie.
	ScattersWindows bool
	// MissesNearness tells that the planner does not see that rows of one value of a column
	// have keys close together.
	MissesNearness bool
	// WalksLists tells that a long list of parameters is walked for each row which IN looks
	// at; what an array of VALUES holds is looked up in the index.
	WalksLists bool
	// MomentRead is how a column of times, ?, is read so that the driver does not place it
	// in a zone of its own; "" for as it is. MomentText is such a column, %s, as text, to
	// compare with what follows.
	MomentRead, MomentText string
	// DocumentText is a column of JSON, %s, as text; DayText the day of a column of times, as
	// "2006-01-02" and in UTC.
	DocumentText, DayText string
	// CatalogMayFix tells that there are servers on which a look at the catalog fixes what a
	// transaction sees.
	CatalogMayFix bool
	// KeysFireNothing tells that triggers do not know of what foreign keys change,
	// ReplacesInSilence that they do not of rows which REPLACE removes.
	KeysFireNothing, ReplacesInSilence bool
	// KeepStrength is the lock under which rows that are read stay as they are.
	KeepStrength string
	// IdentityRefuses tells that columns which the database counts refuse values unless the
	// statement insists.
	IdentityRefuses bool
	// CaseTypes are the types of column among whose values CASE can choose; nil for all.
	CaseTypes []string
	// TypesAreLoose tells that a column stores what it is sent, whatever its type.
	TypesAreLoose bool
	// TextsComeAsBytes tells that the driver gives texts as bytes.
	TextsComeAsBytes bool
	// SendsLocal tells of which type of column the driver sends what the clock shows there.
	SendsLocal string
	// TimeProbe is a query for a time that the driver takes for one of a column's type. A ?
	// in it is a query for that column, of no row.
	TimeProbe func(dbType string) string
	// DeferKeys has foreign keys checked at the end of the transaction: AllDefer tells of
	// all, else of those declared so. CheckKeys checks them; BrokenKeysQuery asks for rows
	// of a table that refer to nothing.
	DeferKeys, CheckKeys, BrokenKeysQuery string
	AllDefer                              bool
	// DeletesAreCheckedAtOnce tells that a row which refers to itself can not be deleted.
	DeletesAreCheckedAtOnce bool
	// ExactColumn and ExactText are how a column, ?, and a text, ?, are compared to the last
	// byte, where an index takes texts for the same that differ in spaces at their end.
	ExactColumn, ExactText string
}

// FactsOf is what is known of a dialect by GORM's name.
func FactsOf(name string) *Facts {
	switch name {
	case Postgres:
		return &postgresFacts
	case MySQL:
		return &mysqlFacts
	case SQLite:
		return &sqliteFacts
	default:
		return &standard
	}
}

// standard is of databases that are not known here.
var standard = Facts{
	Inserts: Inserts{MostRows: 50, InsertInto: "INSERT INTO "}, // SQL Server, for one, takes 2100 arguments
	Rows:    Rows{MomentText: "%s", DocumentText: "%s", DayText: "SUBSTR(%s, 1, 10)"},
}

// Known reports whether a table of ours has a form in the dialect.
func Known(name string) bool { return FactsOf(name) != &standard }

// Read is how a column is read so that its value is all that is stored.
func (f *Facts) Read(expr, dbType string) string {
	if f.ReadAs == nil {
		return expr
	}
	return f.ReadAs(expr, dbType)
}

// Text is the type of a text, or limited where it says how long the text may be.
func (f *Facts) Text(limited string) string {
	return cmp.Or(f.Unlimited, limited)
}
