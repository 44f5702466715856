package projection

// The SELECTs of a mapping have much in common: shared columns, and calls of the same macros. What is the same is asked and made once.

// remembered is a Database that parses and prints each text once.
type remembered struct {
	Database
	parsed  map[string][]byte
	printed map[string]string
}

func newRemembered(db Database) *remembered {
	return &remembered{Database: db, parsed: map[string][]byte{}, printed: map[string]string{}}
}

func (r *remembered) Parse(sql string) ([]byte, error) {
	if ast, ok := r.parsed[sql]; ok {
		return ast, nil
	}
	ast, err := r.Database.Parse(sql)
	if err == nil {
		r.parsed[sql] = ast
	}
	return ast, err
}

func (r *remembered) Print(ast []byte) (string, error) {
	if sql, ok := r.printed[string(ast)]; ok {
		return sql, nil
	}
	sql, err := r.Database.Print(ast)
	if err == nil {
		r.printed[string(ast)] = sql
	}
	return sql, err
}

// known returns the expression of a shared column over records, if a SELECT before has rewritten it. It is the same in each SELECT,
// unless it uses the columns of one, or a lookup, which may go by the time of the SELECT.
func (x *common) known(o *Output) *rewritten {
	if !x.same(o) {
		return nil
	}
	return x.done[o.At]
}

// keep keeps the expression of a shared column for the other SELECTs.
func (x *common) keep(o *Output, out *rewritten) {
	if x.same(o) && out != nil {
		x.done[o.At] = out
	}
}

func (x *common) same(o *Output) bool {
	return x != nil && o.shared && o.Head == nil && len(o.Uses) == 0 && !x.lookups
}
