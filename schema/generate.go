//go:build ignore

// generate writes the schemas of the input kinds and of the output documents; see internal/schemagen.
package main

import (
	"log"
	"os"

	"github.com/fleetwright/fleetwright/internal/schemagen"
)

func main() {
	log.SetFlags(0)
	files, err := schemagen.Generate(".")
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(f.Name, f.Content, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
