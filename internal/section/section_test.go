package section

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const doc = "head\n<!-- begin a -->\none\ntwo\n<!-- end a -->\nbetween\n<!-- begin b -->\n<!-- end b -->\ntail\n"

func TestCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(file, []byte(doc), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Check(file, "a", []byte("one\ntwo\n"), false); err != nil {
		t.Error(err)
	}
	err := Check(file, "a", []byte("one\nthree\n"), false)
	if err == nil || !strings.HasSuffix(err.Error(), "\n- two\n+ three\n") {
		t.Errorf("error is %v", err)
	}
	for name, text := range map[string]string{"a": "", "b": "new\n"} {
		if err := Check(file, name, []byte(text), true); err != nil {
			t.Error(err)
		}
	}
	b, err := os.ReadFile(file)
	const want = "head\n<!-- begin a -->\n<!-- end a -->\nbetween\n<!-- begin b -->\nnew\n<!-- end b -->\ntail\n"
	if err != nil || string(b) != want {
		t.Errorf("%q, %v", b, err)
	}
}

func TestCheckRefuses(t *testing.T) {
	for what, text := range map[string]string{
		"no section":  "head\n",
		"no end":      "<!-- begin a -->\n",
		"two":         doc + doc,
		"wrong order": "<!-- end a -->\n<!-- begin a -->\n",
	} {
		file := filepath.Join(t.TempDir(), "doc.md")
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := Check(file, "a", nil, true); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
