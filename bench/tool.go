package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// job is one run of a tool.
type job struct {
	programs map[string]string
	// source and destinations are addresses, with or without something between.
	source       string
	destinations []string
	// dir is for what the tool leaves behind.
	dir string
	// debug is where ingest is to serve profiles, if it is.
	debug string
}

const (
	sourceBucket = "source"
	copyBucket   = "copy"
)

// tool is one way to do a workload.
type tool struct {
	name  string
	Title string
	// needs is the program that it runs.
	needs    string
	commands func(job) ([]command, error)
	// before is what readies a destination for a tool that is to find it full, if it is
	// not the tool itself.
	before func(job) ([]command, error)
	// copies is to how many destinations it copies, if not to all.
	copies int
}

var tools = []tool{
	{name: "floor", Title: "bare minio-go loop (the floor)", needs: "floor", commands: floor},
	{name: "floor-md5", Title: "the floor, hashing what it reads", needs: "floor", commands: func(j job) ([]command, error) {
		return j.command("floor", "-md5")
	}},
	{name: "list", Title: "bare listing of both sides", needs: "floor", before: floor, commands: func(j job) ([]command, error) {
		return j.command("floor", "-list")
	}},
	{name: "ingest-one", Title: "ingest, to one of them", needs: "ingest", commands: ingest, copies: 1},
	{name: "ingest-scan", Title: "ingest, into the embedded queue", needs: "ingest", commands: ingestScan},
	{name: "ingest", Title: "ingest, embedded queue", needs: "ingest", commands: ingest},
	{name: "rclone-tuned", Title: "rclone sync, tuned flags", needs: "rclone", commands: func(j job) ([]command, error) {
		return rclone(j, "--transfers=16", "--checkers=16", "--fast-list", "--checksum", "--use-server-modtime",
			"--s3-no-check-bucket", "--s3-no-head", "--s3-disable-checksum")
	}},
	{name: "rclone", Title: "rclone sync", needs: "rclone", commands: func(j job) ([]command, error) {
		return rclone(j)
	}},
	{name: "s5cmd", Title: "s5cmd (down, then up)", needs: "s5cmd", commands: s5cmd},
	{name: "mc", Title: "mc mirror", needs: "mc", commands: func(j job) ([]command, error) {
		return j.command("mc", "--config-dir", j.dir, "--quiet", "mirror", "src/"+sourceBucket, "dst/"+copyBucket)
	}},
}

func (t tool) isIngest() bool { return t.needs == "ingest" }

func (j job) command(program string, args ...string) ([]command, error) {
	return []command{{program: j.programs[program], args: args, env: j.env()}}, nil
}

// env tells the tools of all servers, each in the tool's own words.
func (j job) env() []string {
	env := []string{
		"QUEUE_DIR=" + filepath.Join(j.dir, "queue"),
		"RCLONE_CONFIG=" + filepath.Join(j.dir, "rclone.conf"),
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_REGION=us-east-1",
	}
	env = append(env, side("SRC", "src", j.source, sourceBucket)...)
	for i, destination := range j.destinations {
		env = append(env, side("DST"+suffix(i), "dst"+suffix(i), destination, copyBucket)...)
	}
	return env
}

// suffix tells destinations apart.
func suffix(i int) string { return []string{"", "2"}[i] }

func side(upper, lower, address, bucket string) []string {
	env := []string{
		upper + "_ENDPOINT=" + address, upper + "_BUCKET=" + bucket,
		upper + "_ACCESS_KEY_ID=" + accessKey, upper + "_SECRET_ACCESS_KEY=" + secretKey,
		fmt.Sprintf("MC_HOST_%s=http://%s:%s@%s", lower, accessKey, secretKey, address),
	}
	for field, value := range map[string]string{
		"TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": "http://" + address,
		"ACCESS_KEY_ID": accessKey, "SECRET_ACCESS_KEY": secretKey,
	} {
		env = append(env, "RCLONE_CONFIG_"+upper+"_"+field+"="+value)
	}
	return env
}

func floor(j job) ([]command, error) { return j.command("floor") }

//go:embed pipelines
var pipelines embed.FS

// paths returns those of the pipelines that suit the number of destinations.
func (j job) paths() (enqueue, dequeue string) {
	dir := filepath.Join(j.dir, "pipelines", []string{"one", "two"}[len(j.destinations)-1])
	return filepath.Join(dir, "enqueue.yaml"), filepath.Join(dir, "dequeue.yaml")
}

func (j job) ingest(mode string, args ...string) ([]command, error) {
	all := []string{mode, "--set", "http.enabled=false"}
	if j.debug != "" {
		all = []string{mode, "--set", "http.address=" + j.debug, "--set", "http.debug_endpoints=true"}
	}
	commands, err := j.command("ingest", append(all, args...)...)
	return commands, errors.Join(err, os.CopyFS(j.dir, pipelines))
}

func ingest(j job) ([]command, error) {
	enqueue, dequeue := j.paths()
	return j.ingest("streams", "--no-api", "--until-done", enqueue, dequeue)
}

// ingestScan leaves in the queue what was found.
func ingestScan(j job) ([]command, error) {
	enqueue, _ := j.paths()
	return j.ingest("run", enqueue)
}

// rclone needs a run for each destination.
func rclone(j job, flags ...string) (all []command, err error) {
	for i := range j.destinations {
		sync := append([]string{"sync", "src:" + sourceBucket, "dst" + suffix(i) + ":" + copyBucket}, flags...)
		one, err := j.command("rclone", sync...)
		if err != nil {
			return nil, err
		}
		all = append(all, one...)
	}
	return all, nil
}

// s5cmd does not copy from server to server: the bucket is put in a folder between.
func s5cmd(j job) ([]command, error) {
	folder := filepath.Join(j.dir, "down") + "/"
	down, err := j.command("s5cmd", "--endpoint-url", "http://"+j.source, "cp", "s3://"+sourceBucket+"/*", folder)
	if err != nil {
		return nil, err
	}
	up, err := j.command("s5cmd", "--endpoint-url", "http://"+j.destinations[0], "cp", folder, "s3://"+copyBucket+"/")
	return append(down, up...), err
}
