package diag

// A Mistake is an error that the user can correct.
type Mistake struct {
	// Message describes the error.
	Message string
	// Hint describes the fix, or is "".
	Hint string
}

// NewMistake returns a mistake.
func NewMistake(message, hint string) *Mistake { return &Mistake{message, hint} }

func (m *Mistake) Error() string { return m.Message }
