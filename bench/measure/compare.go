package measure

import (
	"encoding/json"
	"fmt"
	"math"
)

// Row compares one figure over several results.
type Row struct {
	Name, Unit string
	Lower      bool      // is better
	Values     []float64 // one of each result; NaN = it has none
	Ratio      float64   // of the last to the first; NaN if it is refused
	Refused    string    // why: the harness took more than MaxShare, or was the bottleneck, or the run was interrupted
}

// MarshalJSON writes what isn't there as null.
func (r Row) MarshalJSON() ([]byte, error) {
	orNull := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	row := struct {
		Name    string     `json:"name"`
		Unit    string     `json:"unit"`
		Lower   bool       `json:"lower_is_better"`
		Values  []*float64 `json:"values"`
		Ratio   *float64   `json:"ratio"`
		Refused string     `json:"refused,omitempty"`
	}{r.Name, r.Unit, r.Lower, []*float64{}, orNull(r.Ratio), r.Refused}
	for _, v := range r.Values {
		row.Values = append(row.Values, orNull(v))
	}
	return json.Marshal(row)
}

// Compare sets results of the same scenario side by side, the baseline first: their figures, and the percentiles of their latencies.
func Compare(results []*Result) []Row {
	refused := Refused(results)
	var rows []Row
	at := map[string]int{}
	set := func(i int, name, unit string, lower bool, value float64) {
		key := name + "\x00" + unit
		n, known := at[key]
		if !known {
			n = len(rows)
			at[key] = n
			row := Row{Name: name, Unit: unit, Lower: lower, Values: make([]float64, len(results)), Refused: refused}
			for j := range row.Values {
				row.Values[j] = math.NaN()
			}
			rows = append(rows, row)
		}
		rows[n].Values[i] = value
	}
	for i, r := range results {
		for _, f := range r.Figures {
			set(i, f.Name, f.Unit, f.Lower, f.Value)
		}
	}
	for i, r := range results {
		for _, l := range r.Latencies {
			for _, p := range []string{"p50", "p99"} {
				if l.Count > 0 {
					set(i, l.Name+" "+p, "us", true, l.Us[p])
				}
			}
		}
	}
	for i := range rows {
		r := &rows[i]
		r.Ratio = math.NaN()
		if first, last := r.Values[0], r.Values[len(r.Values)-1]; refused == "" && first != 0 {
			r.Ratio = last / first
		}
	}
	return rows
}

// Refused says why no ratio of these results may be given; "" = it may.
func Refused(results []*Result) string {
	for _, r := range results {
		of := fmt.Sprintf("%s, %s", r.Scenario, r.Target)
		first := results[0]
		switch {
		case r.Scenario != first.Scenario:
			return fmt.Sprintf("%s is not %s", r.Scenario, first.Scenario)
		case r.Fake != first.Fake:
			return "one has a fake upstream server behind it, the other a real one"
		case r.Interrupted:
			return of + ": interrupted"
		case r.Harness.Share > MaxShare:
			return fmt.Sprintf("%s: the load generator took %.0f %% of the machine", of, 100*r.Harness.Share)
		case r.Harness.Bottleneck:
			return of + ": the load generator was the limit"
		}
	}
	return ""
}
