//go:build race

package ws

func init() { raceDetector = true }
