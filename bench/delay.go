package main

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// delayProxy is a TCP proxy that makes a server look far away: what is sent to the server arrives later.
// What is sent together arrives together, as over a long line.
type delayProxy struct {
	net.Listener
	to    string
	delay atomic.Int64
}

func newDelayProxy(to string) (*delayProxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &delayProxy{Listener: l, to: to}
	go p.serve()
	return p, nil
}

// set makes a round trip to the server take that much longer.
func (p *delayProxy) set(d time.Duration) { p.delay.Store(int64(d)) }

func (p *delayProxy) serve() {
	for {
		near, err := p.Accept()
		if err != nil {
			return // closed
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		go p.forward(far, near)
		go func() {
			_, _ = io.Copy(near, far)
			_ = near.Close()
		}()
	}
}

// late is data on its way.
type late struct {
	data []byte
	due  time.Time
}

// forward sends what it reads when its time has come, in order.
func (p *delayProxy) forward(to, from net.Conn) {
	const inFlight = 1024
	line := make(chan late, inFlight)
	go func() {
		defer close(line)
		for {
			data := make([]byte, 64<<10)
			n, err := from.Read(data)
			if n > 0 {
				line <- late{data[:n], time.Now().Add(time.Duration(p.delay.Load()))}
			}
			if err != nil {
				return
			}
		}
	}()
	for l := range line {
		time.Sleep(time.Until(l.due))
		_, _ = to.Write(l.data) // the other direction ends when this one fails
	}
	_ = to.Close()
}
