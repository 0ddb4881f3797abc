package values

// Kind is what a column's canonical values are, for whoever has to make them in another
// language than Go.
type Kind string

// The kinds. Of [Any] nothing is known: the value itself decides.
const (
	Any      Kind = "any"
	JSON     Kind = "json"
	UUID     Kind = "uuid"
	Bool     Kind = "bool"
	Int      Kind = "int"
	Float    Kind = "float"
	Float32  Kind = "float32"
	Decimal  Kind = "decimal"
	Text     Kind = "text"
	Bytes    Kind = "bytes"
	Bits     Kind = "bits"
	Time     Kind = "time"
	Date     Kind = "date"
	DayClock Kind = "clock"
)

// Kind is the kind of the rule's values.
func (r Rule) Kind() Kind {
	return [...]Kind{
		kindAny: Any, kindJSON: JSON, kindUUID: UUID, kindBool: Bool, kindInt: Int, kindFloat: Float, kindFloat32: Float32,
		kindDecimal: Decimal, kindText: Text, kindBytes: Bytes, kindBits: Bits, kindTime: Time, kindDate: Date, kindClock: DayClock,
	}[r.kind]
}
