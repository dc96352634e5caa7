package gateway

import (
	"context"
	"log/slog"

	"usher/notify"
)

// noticesOf is what the sender of webhooks and mails needs of the configuration.
func noticesOf(cfg *Config, log *slog.Logger) notify.Config {
	n := notify.Config{
		Hooks: make(map[string]notify.Hook), Texts: make(map[string]map[string]map[string]string), Languages: make(map[string]string), Log: log,
		SMTP: notify.SMTP{
			Address: cfg.SMTP.Address, TLS: cfg.SMTP.TLS, User: cfg.SMTP.User, Password: cfg.SMTP.Password.Value(), From: cfg.SMTP.From,
		},
	}
	for i := range cfg.Sites {
		s := &cfg.Sites[i]
		if s.Webhook.URL != "" {
			n.Hooks[s.Name] = notify.Hook{URL: s.Webhook.URL, Secret: []byte(s.Webhook.Secret.Value())}
		}
		n.Languages[s.Name] = s.Language
		n.Texts[s.Name] = make(map[string]map[string]string, len(s.Texts))
		for key, text := range s.Texts {
			n.Texts[s.Name][key] = text
		}
	}
	return n
}

// tells starts the sender of what stands in the archive's outbox; the function that it returns ends it.
func (s *store) tells(cfg *Config) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	s.sender = notify.New(s.archive, noticesOf(cfg, s.log))
	ended := make(chan struct{})
	go func() { // ended by the function returned, which waits for it
		defer close(ended)
		s.sender.Run(ctx)
	}()
	return func() { cancel(); <-ended }
}
