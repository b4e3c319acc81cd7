package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

// job is one run of a tool.
type job struct {
	programs map[string]string
	// source and destination are addresses, with or without something between.
	source, destination string
	// dir is for what the tool leaves behind.
	dir string
	// debug is where ingest is to serve profiles, if it is.
	debug string
}

const (
	sourceBucket = "source"
	copyBucket   = "copy"
)

// tool is one way to copy a bucket.
type tool struct {
	name  string
	Title string
	// needs are the programs that it runs.
	needs    []string
	commands func(job) ([]command, error)
}

var tools = []tool{
	{"floor", "bare minio-go loop (the floor)", []string{"floor"}, func(j job) ([]command, error) {
		return j.command("floor")
	}},
	{"floor-md5", "the floor, hashing what it reads", []string{"floor"}, func(j job) ([]command, error) {
		return j.command("floor", "-md5")
	}},
	{"ingest", "ingest, embedded queue", []string{"ingest"}, ingest},
	{"rclone-tuned", "rclone sync, tuned flags", []string{"rclone"}, func(j job) ([]command, error) {
		return j.command("rclone", append(rclone, "--transfers=16", "--checkers=16", "--fast-list", "--use-server-modtime",
			"--s3-no-check-bucket", "--s3-no-head", "--s3-disable-checksum")...)
	}},
	{"rclone", "rclone sync", []string{"rclone"}, func(j job) ([]command, error) {
		return j.command("rclone", rclone...)
	}},
	{"s5cmd", "s5cmd (down, then up)", []string{"s5cmd"}, s5cmd},
	{"mc", "mc mirror", []string{"mc"}, func(j job) ([]command, error) {
		return j.command("mc", "--config-dir", j.dir, "--quiet", "mirror", "src/"+sourceBucket, "dst/"+copyBucket)
	}},
}

var rclone = []string{"sync", "src:" + sourceBucket, "dst:" + copyBucket}

func (j job) command(program string, args ...string) ([]command, error) {
	return []command{{program: j.programs[program], args: args, env: j.env()}}, nil
}

// env tells the tools of both servers, each in the tool's own words.
func (j job) env() []string {
	env := []string{
		"QUEUE_DIR=" + filepath.Join(j.dir, "queue"),
		"RCLONE_CONFIG=" + filepath.Join(j.dir, "rclone.conf"),
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_REGION=us-east-1",
	}
	for _, side := range []struct{ upper, lower, address, bucket string }{
		{"SRC", "src", j.source, sourceBucket}, {"DST", "dst", j.destination, copyBucket},
	} {
		env = append(env,
			side.upper+"_ENDPOINT="+side.address, side.upper+"_BUCKET="+side.bucket,
			side.upper+"_ACCESS_KEY_ID="+accessKey, side.upper+"_SECRET_ACCESS_KEY="+secretKey,
			fmt.Sprintf("MC_HOST_%s=http://%s:%s@%s", side.lower, accessKey, secretKey, side.address),
		)
		for field, value := range map[string]string{
			"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": "http://" + side.address,
			"ACCESS_KEY_ID": accessKey, "SECRET_ACCESS_KEY": secretKey,
		} {
			env = append(env, "RCLONE_CONFIG_"+side.upper+"_"+field+"="+value)
		}
	}
	return env
}

//go:embed pipelines
var pipelines embed.FS

func ingest(j job) ([]command, error) {
	if err := os.CopyFS(j.dir, pipelines); err != nil {
		return nil, err
	}
	file := func(name string) string { return filepath.Join(j.dir, "pipelines", name) }
	args := []string{"streams", "--until-done", "--no-api", "--set", "http.enabled=false"}
	if j.debug != "" {
		args = []string{"streams", "--until-done", "--no-api", "--set", "http.address=" + j.debug, "--set", "http.debug_endpoints=true"}
	}
	return j.command("ingest", append(args, file("enqueue.yaml"), file("dequeue.yaml"))...)
}

// s5cmd does not copy from server to server: the bucket is put in a folder between.
func s5cmd(j job) ([]command, error) {
	folder := filepath.Join(j.dir, "down") + "/"
	down, err := j.command("s5cmd", "--endpoint-url", "http://"+j.source, "cp", "s3://"+sourceBucket+"/*", folder)
	if err != nil {
		return nil, err
	}
	up, err := j.command("s5cmd", "--endpoint-url", "http://"+j.destination, "cp", folder, "s3://"+copyBucket+"/")
	return append(down, up...), err
}
