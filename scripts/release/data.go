package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// dataFile is next to data of other projects that the binary has. It says where the data comes from. The licences are in the folder
// licenses/<name> next to it. What writes the data (`make generate`) writes both.
const dataFile = "sources.json"

// dataParts lists the data in the packages of this project, with its licences.
func dataParts(packages []listed) (parts []part, err error) {
	for _, p := range packages {
		if p.Module == nil || !p.Module.Main {
			continue
		}
		text, err := os.ReadFile(filepath.Join(p.Dir, dataFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var sources []struct{ Name, Version, PURL, Used string }
		if err := json.Unmarshal(text, &sources); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(p.Dir, dataFile), err)
		}
		for _, s := range sources {
			d := part{Name: s.Name, Version: s.Version, PURL: s.PURL, Used: s.Used}
			folder := filepath.Join(p.Dir, "licenses", filepath.FromSlash(s.Name))
			if d.Files, err = licenceFiles(folder, nil); err != nil {
				return nil, err
			}
			if d.Licences, err = licencesOf(d.Files); err != nil {
				return nil, fmt.Errorf("%s: %w", folder, err)
			}
			parts = append(parts, d)
		}
	}
	return parts, nil
}
