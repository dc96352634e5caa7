//go:build race

package c2s

func init() { raceDetector = true }
