package release

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/epicfilemcnulty/hapgent/internal/release/build"
)

// buildCollection makes an Ansible collection of the role and its playbooks, which
// Galaxy requires. Its form, as `ansible-galaxy collection build` makes it:
// https://docs.ansible.com/ansible/latest/dev_guide/collections_galaxy_meta.html
func buildCollection(ctx context.Context, w *build.Workshop, directory string) error {
	tracked, err := roleMembers(ctx, w, "")
	if err != nil {
		return err
	}
	license, err := os.ReadFile(filepath.Join(w.Root, licenseFile))
	if err != nil {
		return err
	}
	info, err := readGalaxyInfo(tracked)
	if err != nil {
		return err
	}
	runtime := fmt.Sprintf("---\nrequires_ansible: '>=%s'\n", info.MinAnsibleVersion)
	members := []member{{name: licenseFile, content: license}, {name: "meta/runtime.yml", content: []byte(runtime)}}
	for _, m := range tracked {
		m.name = info.inCollection(m.name)
		members = append(members, m)
	}
	files, err := filesList(members)
	if err != nil {
		return err
	}
	manifest, err := info.manifest(w.Version, files)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-%s-%s.tar.gz", info.Namespace, info.RoleName, w.Version)
	lists := []member{{name: "MANIFEST.json", content: manifest}, {name: filesListName, content: files}}
	return writeTarball(filepath.Join(directory, name), slices.Concat(lists, withFolders(members)), w.Time)
}

const (
	licenseFile   = "LICENSE"
	filesListName = "FILES.json"
)

// galaxyInfo is galaxy_info in the role's meta/main.yml.
type galaxyInfo struct {
	Namespace         string
	RoleName          string `yaml:"role_name"`
	Author            string
	Description       string
	License           string
	MinAnsibleVersion string   `yaml:"min_ansible_version"`
	Tags              []string `yaml:"galaxy_tags"`
}

func readGalaxyInfo(tracked []member) (info galaxyInfo, err error) {
	const name = "meta/main.yml"
	i := slices.IndexFunc(tracked, func(m member) bool { return m.name == name })
	if i < 0 {
		return info, fmt.Errorf("%s/%s is missing", roleFolder, name)
	}
	var meta struct {
		Info galaxyInfo `yaml:"galaxy_info"`
	}
	if err := yaml.Unmarshal(tracked[i].content, &meta); err != nil {
		return info, fmt.Errorf("%s/%s: %w", roleFolder, name, err)
	}
	return meta.Info, nil
}

// inCollection is the path of the role's file in the collection: playbooks and README
// are the collection's own.
func (i galaxyInfo) inCollection(name string) string {
	if name == "README.md" || strings.HasPrefix(name, "playbooks/") {
		return name
	}
	return path.Join("roles", i.RoleName, name)
}

// manifest is MANIFEST.json.
func (i galaxyInfo) manifest(version string, files []byte) ([]byte, error) {
	const home = "https://github.com/epicfilemcnulty/hapgent"
	entry := fileEntry(member{name: filesListName, content: files})
	return json.MarshalIndent(map[string]any{
		"collection_info": map[string]any{
			"namespace": i.Namespace, "name": i.RoleName, "version": version, "authors": []string{i.Author}, "readme": "README.md",
			"tags": i.Tags, "description": i.Description, "license": []string{i.License}, "license_file": nil, "dependencies": struct{}{},
			"repository": home, "documentation": home + "/blob/main/ansible/README.md", "homepage": home, "issues": home + "/issues",
		},
		"file_manifest_file": entry, "format": 1,
	}, "", " ")
}

// filesList is FILES.json: all files and folders, with the sums of the files.
func filesList(members []member) ([]byte, error) {
	entries := []map[string]any{fileEntry(member{name: "./"})}
	for _, m := range withFolders(members) {
		entries = append(entries, fileEntry(m))
	}
	return json.MarshalIndent(map[string]any{"files": entries, "format": 1}, "", " ")
}

func fileEntry(m member) map[string]any {
	name, isFolder := strings.CutSuffix(m.name, "/")
	if isFolder {
		return map[string]any{"name": name, "ftype": "dir", "chksum_type": nil, "chksum_sha256": nil, "format": 1}
	}
	return map[string]any{"name": name, "ftype": "file", "chksum_type": "sha256", "chksum_sha256": fmt.Sprintf("%x", sha256.Sum256(m.content)), "format": 1}
}

// withFolders are the members, sorted, each folder before what is in it.
func withFolders(members []member) []member {
	all := slices.Clone(members)
	known := map[string]bool{}
	for _, m := range members {
		for folder := path.Dir(m.name); folder != "." && !known[folder]; folder = path.Dir(folder) {
			known[folder] = true
			all = append(all, member{name: folder + "/"})
		}
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return all
}
