package stage

import (
	"cmp"
	"slices"

	"usher/bench/load"
	"usher/bench/measure"
)

// Plan says of a stage what another process has to know to drive it too. It goes as JSON.
type Plan struct {
	Target    string
	Fake      bool
	Wait      int
	Processes []measure.Process
	Ushers    []Address
	Doors     []Door
}

// Address is where an Usher is.
type Address struct {
	Public, Admin string
	Pid           int
}

// Door is one way in.
type Door struct {
	Transport                               string
	Usher                                   int
	URL, Domain, Session, Password, Service string
	Insecure                                bool
	Authority                               []byte
}

// Plan describes s as it is now.
func (s *Stage) Plan() Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Plan{Target: s.Target, Fake: s.Fake, Wait: s.wait, Processes: s.Processes}
	for _, u := range s.Ushers {
		p.Ushers = append(p.Ushers, Address{u.Public, u.Admin, u.Pid})
	}
	for at, d := range s.open {
		p.Doors = append(p.Doors, Door{at.transport, at.usher, d.URL, d.Domain, d.User, d.Password, d.Rooms, d.Insecure, d.Authority})
	}
	slices.SortFunc(p.Doors, func(a, b Door) int {
		return cmp.Or(cmp.Compare(a.Transport, b.Transport), a.Usher-b.Usher)
	})
	return p
}

// Join is a stage that another process has set up, and will end.
func Join(p Plan) *Stage {
	s := &Stage{
		Target: p.Target, Fake: p.Fake, wait: p.Wait, Processes: p.Processes,
		ways: map[way]*load.Endpoint{}, open: map[way]door{},
	}
	for _, a := range p.Ushers {
		u := newUsher()
		u.Public, u.Admin, u.Pid = a.Public, a.Admin, a.Pid
		s.Ushers = append(s.Ushers, u)
	}
	for _, d := range p.Doors {
		s.open[way{d.Transport, d.Usher}] = door{d.URL, d.Domain, d.Session, d.Password, d.Service, d.Insecure, d.Authority}
	}
	return s
}
