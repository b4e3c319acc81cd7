package s3

import (
	"errors"
	"io"
	"net/http"
)

// maxAnswer bounds answers that are read into memory. A page of a listing with a
// thousand keys of 1,024 bytes, each of which takes six bytes in XML, has 7 MiB; some servers give more keys.
const maxAnswer = 16 << 20

var errAnswerTooLarge = errors.New("the answer is larger than the 16 MiB that are read of one")

// holdsContent reports whether an answer holds the content of an object, which is
// streamed, and not XML, which minio-go reads whole.
func holdsContent(req *http.Request, resp *http.Response) bool {
	if req.Method != http.MethodGet || resp.StatusCode/100 != 2 {
		return false
	}
	for question := range req.URL.Query() {
		switch question {
		case "versionId", "partNumber", "x-id":
		default:
			return false
		}
	}
	return true
}

// boundedBody fails once too much was read of it.
type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errAnswerTooLarge
	}
	return n, err
}
