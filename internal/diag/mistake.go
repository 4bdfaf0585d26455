package diag

// A Mistake is an error that its user can put right.
type Mistake struct {
	// Message says what is wrong.
	Message string
	// Hint says what to do about it. It may be empty.
	Hint string
}

// NewMistake returns a mistake.
func NewMistake(message, hint string) *Mistake { return &Mistake{message, hint} }

func (m *Mistake) Error() string { return m.Message }
