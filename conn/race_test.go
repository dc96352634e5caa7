//go:build race

package conn

func init() { raceDetector = true }
