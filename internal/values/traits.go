package values

// traits are what decides of a database what its values mean. Without any, values are
// taken as standard SQL and Go have them.
type traits uint16

const (
	// looseColumns keep what they are given, and the driver reads it by their declared type.
	looseColumns traits = 1 << iota
	// byteTexts: the driver gives texts as bytes.
	byteTexts
	// driverTexts: the driver gives the text of what it has no Go type for.
	driverTexts
	// zeroDates: there is a day 0, which the driver gives as the zero time.
	zeroDates
	// anyYear: the days of every year are taken as texts.
	anyYear
	// numericBools: booleans are 0 and 1.
	numericBools
	// shortReal: a REAL has 32 bits; shortFloat: a FLOAT has.
	shortReal
	shortFloat
	// byteShapes: geometries are bytes, in a format that is taken back as well.
	byteShapes
	// bitNumbers: BIT is a number.
	bitNumbers
)

// traitsOf are those of a dialect, by GORM's name.
func traitsOf(dialect string) traits {
	switch dialect {
	case "sqlite":
		return looseColumns
	case "postgres":
		return driverTexts | shortReal
	case "mysql":
		return byteTexts | zeroDates | anyYear | numericBools | shortFloat | byteShapes | bitNumbers
	}
	return 0
}

// are reports whether t has the trait.
func (t traits) are(trait traits) bool { return t&trait != 0 }
