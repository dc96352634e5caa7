// Package notify tells of conversations by webhook and by mail, from the
// archive's outbox, and tries again until it is done or a day has passed.
package notify
