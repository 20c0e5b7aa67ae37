// SPDX-License-Identifier: Apache-2.0

package configfile

import (
	"bytes"
	"fmt"
	"os"

	"github.com/causeway-mq/causeway/app"
	"github.com/causeway-mq/causeway/internal/strictyaml"
)

// Open tells that others on this machine can read, or change, a file that holds secrets: an error in production, a note otherwise. A file without a secret, which names
// those of other files or leaves them to the environment, may be open to all. A catalog is looked at by whoever reads it.
func Open(kind Kind, path string) (note string, err error) {
	info, err := os.Stat(path)
	if err != nil || kind == Catalog || info.Mode().Perm()&0o027 == 0 {
		return "", err
	}
	var shown []byte
	production := false
	switch kind {
	case Control:
		c, _ := app.LoadControlConfig(path) // what is wrong in it tells Check
		production = c.Production
		shown, err = strictyaml.Encode(c)
	case Proxy, Apaches:
		c, _, _ := app.LoadProxyConfig(path)
		production = c.Production
		shown, err = strictyaml.Encode(c)
	default:
		c, _ := app.LoadConfig(path)
		production = c.Production
		shown, err = strictyaml.Encode(c)
	}
	if err != nil || !bytes.Contains(shown, []byte(strictyaml.Redacted)) {
		return "", err
	}
	text := fmt.Sprintf("%s: mode %04o lets others at the secrets in it; at most 0640 is good, try: chmod 600 %s", path, info.Mode().Perm(), path)
	if production {
		return "", fmt.Errorf("%s", text)
	}
	return "warning: " + text, nil
}
