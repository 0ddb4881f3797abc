package history

type revertSettings struct {
	models             []any
	dryRun, force, cut bool
}
