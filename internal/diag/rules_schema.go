package diag

// schemaRules are those of syntax and schema, 1xx.
var schemaRules = []Rule{
	{
		Code: Syntax, Severity: Error, Structural: true,
		Title: "the file is not YAML",
	},
	{
		Code: DuplicateKey, Severity: Error, Structural: true,
		Title: "a key is set twice",
	},
	{
		Code: Oversized, Severity: Error, Structural: true,
		Title: "aliases stand for too much",
	},
	{
		Code: Encoding, Severity: Error, Structural: true,
		Title: "the file is not UTF-8 text",
	},
	{
		Code: UnknownKind, Severity: Error, Structural: true,
		Title: "the kind is not one that fleetwright reads",
	},
	{
		Code: OtherDocuments, Severity: Info,
		Title: "documents of other kinds are left out",
	},
	{
		Code: UnknownField, Severity: Error, Structural: true,
		Title: "the field does not exist",
	},
	{
		Code: WrongType, Severity: Error, Structural: true,
		Title: "the value has another type",
	},
	{
		Code: MissingField, Severity: Error, Structural: true,
		Title: "a field is missing",
	},
	{
		Code: NotAllowed, Severity: Error, Structural: true,
		Title: "the value is not one of those allowed",
	},
	{
		Code: OutOfBounds, Severity: Error, Structural: true,
		Title: "the number is too small or too large",
	},
	{
		Code: WrongFormat, Severity: Error, Structural: true,
		Title: "the text has another form",
	},
	{
		Code: OneSource, Severity: Error, Structural: true,
		Title: "an Application has one source",
	},
	{
		Code: OnePolicy, Severity: Error, Structural: true,
		Title: "a sync policy is a kustomization or a helm release",
	},
}
