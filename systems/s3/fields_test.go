package s3

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionNamesTheFieldThatIsWrong(t *testing.T) {
	spec := service.NewConfigSpec().Fields(connectionFields()...)
	for config, says := range map[string]string{
		"bucket: copy":                           "",
		"bucket: ''":                             "field bucket: the name of a bucket was expected",
		"bucket: a/b":                            "field bucket: ",
		"{ bucket: copy, endpoint: '' }":         "field endpoint: ",
		"{ bucket: copy, endpoint: http://x }":   "field endpoint: ",
		"{ bucket: copy, bytes_per_second: -1 }": "field bytes_per_second: 0 or more",
		"{ bucket: copy, access_key_id: x }":     "fields access_key_id and secret_access_key: both or none",
	} {
		t.Run(config, func(t *testing.T) {
			conf, err := spec.ParseYAML(config, nil)
			require.NoError(t, err)
			_, err = connectionFromParsed(conf)
			if says == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, says)
		})
	}
}
