package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// elementSubject is the subject of one element: the workflow's, and the SHA-256
// of the element's ID in hexadecimal, which a stock output can compute too:
// json("id").hash("sha256").encode("hex").
func elementSubject(subject, id string) string {
	sum := sha256.Sum256([]byte(id))
	return subject + "." + hex.EncodeToString(sum[:])
}

// covers reports whether every subject that matches b also matches a.
func covers(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i, token := range as {
		if token == ">" {
			return len(bs) > i
		}
		if i >= len(bs) || bs[i] == ">" || (token != "*" && token != bs[i]) {
			return false
		}
	}
	return len(as) == len(bs)
}
