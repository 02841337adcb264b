package h1

import "container/list"

// idle is the connections without a request, by address and by age. The zero idle is empty.
type idle struct {
	byAddress map[string][]*conn // the oldest first
	ages      list.List          // of *conn, the oldest first
}

func (i *idle) len() int { return i.ages.Len() }

// front returns the oldest.
func (i *idle) front() *conn { return i.ages.Front().Value.(*conn) }

// put adds a connection as the newest.
func (i *idle) put(c *conn) {
	if i.byAddress == nil {
		i.byAddress = map[string][]*conn{}
	}
	i.byAddress[c.address] = append(i.byAddress[c.address], c)
	c.age = i.ages.PushBack(c)
}

// take removes the newest one to the address; nil where there is none.
func (i *idle) take(address string) *conn {
	cs := i.byAddress[address]
	if len(cs) == 0 {
		return nil
	}
	last := len(cs) - 1
	c := cs[last]
	cs[last] = nil
	i.remove(c, cs[:last])
	return c
}

// oldest removes the oldest one.
func (i *idle) oldest() *conn {
	c := i.front()
	i.remove(c, i.byAddress[c.address][1:]) // it is the first of its address, too
	return c
}

func (i *idle) remove(c *conn, rest []*conn) {
	i.ages.Remove(c.age)
	if len(rest) == 0 {
		delete(i.byAddress, c.address)
		return
	}
	i.byAddress[c.address] = rest
}
