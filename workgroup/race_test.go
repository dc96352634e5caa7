//go:build race

package workgroup

func init() { raceDetector = true }
