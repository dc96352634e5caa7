package workgroup

func (d *Desk) closeBanned(by *agent, c *conversation) error { panic("unbuilt") }
func (c *conversation) rated(value int, text string)         { panic("unbuilt") }
func (c *conversation) keepSide()                            { panic("unbuilt") }
func (g *group) nextNumber() int                             { g.number++; return g.number }
