// A peer connection of Pion's that does what each line of standard input asks, as aiortc_child.py does.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/pion/webrtc/v3"
)

const (
	wait     = 15 * time.Second
	longLine = 1 << 24
)

type request struct {
	ID        int                        `json:"id"`
	Method    string                     `json:"method"`
	Arguments []json.RawMessage          `json:"arguments"`
	Options   map[string]json.RawMessage `json:"options"`
}

type message struct {
	Text   *string `json:"text,omitempty"`
	Binary *string `json:"binary,omitempty"`
}

type peer struct {
	lock     sync.Mutex
	pc       *webrtc.PeerConnection
	listener net.Listener
	channels map[string]*webrtc.DataChannel
	messages map[string][]message
}

// start makes a new peer connection with candidates of these network types; "tcp" is a port that listens.
func (p *peer) start(network string) error {
	engine := webrtc.SettingEngine{}
	if network == "tcp" {
		listener, err := net.Listen("tcp4", ":0")
		if err != nil {
			return err
		}
		p.listener = listener
		engine.SetICETCPMux(webrtc.NewICETCPMux(nil, listener, 64))
		engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	} else {
		engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(engine)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	p.pc = pc
	p.channels = map[string]*webrtc.DataChannel{}
	p.messages = map[string][]message{}
	pc.OnDataChannel(p.adopt)
	return nil
}

func (p *peer) adopt(channel *webrtc.DataChannel) {
	p.lock.Lock()
	defer p.lock.Unlock()
	label := channel.Label()
	p.channels[label] = channel
	channel.OnMessage(func(got webrtc.DataChannelMessage) {
		text := string(got.Data)
		taken := message{Text: &text}
		if !got.IsString {
			binary := base64.StdEncoding.EncodeToString(got.Data)
			taken = message{Binary: &binary}
		}
		p.lock.Lock()
		defer p.lock.Unlock()
		p.messages[label] = append(p.messages[label], taken)
	})
}

// describe makes and sets the local description, and returns it with all candidates.
func (p *peer) describe(kind string) (any, error) {
	var description webrtc.SessionDescription
	var err error
	if kind == "offer" {
		description, err = p.pc.CreateOffer(nil)
	} else {
		description, err = p.pc.CreateAnswer(nil)
	}
	if err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err = p.pc.SetLocalDescription(description); err != nil {
		return nil, err
	}
	<-gathered
	local := p.pc.LocalDescription()
	return map[string]string{"type": local.Type.String(), "sdp": local.SDP}, nil
}

func (p *peer) accept(description map[string]string) error {
	return p.pc.SetRemoteDescription(webrtc.SessionDescription{
		Type: webrtc.NewSDPType(description["type"]),
		SDP:  description["sdp"],
	})
}

func (p *peer) until(what string, holds func() bool) error {
	for started := time.Now(); time.Since(started) < wait; time.Sleep(5 * time.Millisecond) {
		p.lock.Lock()
		done := holds()
		p.lock.Unlock()
		if done {
			return nil
		}
	}
	return errors.New("there was no " + what)
}

func (p *peer) channel(label, state string) (any, error) {
	err := p.until(label+" "+state, func() bool {
		channel := p.channels[label]
		return channel != nil && channel.ReadyState().String() == state
	})
	return map[string]string{"label": label, "readyState": state}, err
}

func (p *peer) send(label string, messages []message) error {
	p.lock.Lock()
	channel := p.channels[label]
	p.lock.Unlock()
	for _, one := range messages {
		if one.Text != nil {
			if err := channel.SendText(*one.Text); err != nil {
				return err
			}
			continue
		}
		data, err := base64.StdEncoding.DecodeString(*one.Binary)
		if err == nil {
			err = channel.Send(data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) received(label string, count int) (any, error) {
	var taken []message
	err := p.until(fmt.Sprintf("%d messages on %s", count, label), func() bool {
		if len(p.messages[label]) < count {
			return false
		}
		taken, p.messages[label] = p.messages[label][:count], p.messages[label][count:]
		return true
	})
	return taken, err
}

func (p *peer) finish() error {
	if p.pc == nil {
		return nil
	}
	err := p.pc.Close()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	return err
}

func (p *peer) call(asked request) (any, error) {
	text := func(index int) string {
		var value string
		_ = json.Unmarshal(asked.Arguments[index], &value)
		return value
	}
	switch asked.Method {
	case "start":
		return nil, p.start(text(0))
	case "create_channel":
		channel, err := p.pc.CreateDataChannel(text(0), nil)
		if err == nil {
			p.adopt(channel)
		}
		return nil, err
	case "describe":
		return p.describe(text(0))
	case "accept":
		var description map[string]string
		_ = json.Unmarshal(asked.Arguments[0], &description)
		return nil, p.accept(description)
	case "add_candidate":
		var candidate *webrtc.ICECandidateInit
		_ = json.Unmarshal(asked.Arguments[0], &candidate)
		if candidate == nil || candidate.Candidate == "" {
			return nil, nil
		}
		return nil, p.pc.AddICECandidate(*candidate)
	case "connected":
		return nil, p.until("connection", func() bool {
			return p.pc.ConnectionState() == webrtc.PeerConnectionStateConnected
		})
	case "states":
		return map[string]string{
			"connection":    p.pc.ConnectionState().String(),
			"iceconnection": p.pc.ICEConnectionState().String(),
			"signaling":     p.pc.SignalingState().String(),
		}, nil
	case "channel":
		return p.channel(text(0), text(1))
	case "send":
		var messages []message
		_ = json.Unmarshal(asked.Arguments[1], &messages)
		return nil, p.send(text(0), messages)
	case "received":
		var count int
		_ = json.Unmarshal(asked.Arguments[1], &count)
		return p.received(text(0), count)
	case "close_channel":
		return nil, p.channels[text(0)].Close()
	case "close", "finish":
		return nil, p.finish()
	}
	return nil, errors.New("there is no " + asked.Method)
}

func main() {
	var output sync.Mutex
	theirs := &peer{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longLine)
	for lines.Scan() {
		var asked request
		if json.Unmarshal(lines.Bytes(), &asked) != nil {
			continue
		}
		go func() {
			answer := map[string]any{"id": asked.ID}
			result, err := theirs.call(asked)
			if err != nil {
				answer["error"] = err.Error()
			} else {
				answer["result"] = result
			}
			encoded, _ := json.Marshal(answer)
			output.Lock()
			defer output.Unlock()
			fmt.Println(string(encoded))
		}()
	}
}
