// The compiler asks for a file of assembly beside functions without a body.
