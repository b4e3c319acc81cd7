package outputs

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the digest that sources vouch for, no secret
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/ingest-bundle/ingest"
)

// errDamaged says that what was read is not what the source said it has.
var errDamaged = errors.New("damaged on the way from the source")

// verifyingReader yields the content of an object, and an error in place of the
// end if the length or the digest is not what the source said. A destination so
// never completes an upload of damaged content.
type verifyingReader struct {
	obj  *ingest.Object
	r    io.Reader
	n    int64
	hash hash.Hash
}

// newVerifyingReader checks the length, and the digest where that is said.
func newVerifyingReader(obj *ingest.Object, r io.Reader, digest bool) *verifyingReader {
	v := &verifyingReader{obj: obj, r: r}
	if digest && obj.MD5 != nil {
		v.hash = md5.New() //nolint:gosec // as above
	}
	return v
}

func (v *verifyingReader) Read(b []byte) (int, error) {
	n, err := v.r.Read(b)
	v.n += int64(n)
	if v.hash != nil {
		v.hash.Write(b[:n])
	}
	switch {
	case v.obj.Len >= 0 && v.n > v.obj.Len:
		return 0, fmt.Errorf("%w: more than the %d bytes that it announced arrived", errDamaged, v.obj.Len)
	case err == io.EOF:
		return n, v.end()
	case err != nil:
		// A connection that breaks says io.ErrUnexpectedEOF, which must not
		// pass for the end of the last part.
		return n, fmt.Errorf("reading from the source: %w", err)
	}
	return n, nil
}

// end returns io.EOF, or what is wrong with the content.
func (v *verifyingReader) end() error {
	if v.obj.Len >= 0 && v.n != v.obj.Len {
		return fmt.Errorf("%w: %d of the %d bytes that it announced arrived", errDamaged, v.n, v.obj.Len)
	}
	if v.hash != nil && !bytes.Equal(v.hash.Sum(nil), v.obj.MD5) {
		return fmt.Errorf("%w: the MD5 is %x and was announced as %x", errDamaged, v.hash.Sum(nil), v.obj.MD5)
	}
	return io.EOF
}
