package measure

// percentiles sets P50 and P99 from the buckets.
func (s *Sample) percentiles() { s.P50, s.P99 = percentile(s.Buckets, 50), percentile(s.Buckets, 99) }

// joined makes one look of two, a before b.
func joined(a, b Sample) Sample {
	s := Sample{At: b.At, Seconds: a.Seconds + b.Seconds, Counters: map[string]float64{}, Cores: map[string]float64{}, RSS: map[string]int64{}}
	average := func(to, x, y map[string]float64) {
		for name := range x {
			if _, both := y[name]; !both {
				to[name] = x[name] * a.Seconds / s.Seconds
			}
		}
		for name := range y {
			to[name] = (x[name]*a.Seconds + y[name]*b.Seconds) / s.Seconds
		}
	}
	average(s.Counters, a.Counters, b.Counters)
	average(s.Cores, a.Cores, b.Cores)
	for name, rss := range a.RSS {
		s.RSS[name] = rss
	}
	for name, rss := range b.RSS { // the higher one, so that no peak is lost
		s.RSS[name] = max(s.RSS[name], rss)
	}
	s.Buckets = united(a.Buckets, b.Buckets)
	s.percentiles()
	return s
}

// halved makes one look of each two.
func halved(all []Sample) []Sample {
	half := make([]Sample, 0, len(all)/2+1)
	for i := 0; i+1 < len(all); i += 2 {
		half = append(half, joined(all[i], all[i+1]))
	}
	if len(all)%2 == 1 {
		half = append(half, all[len(all)-1])
	}
	return half
}
