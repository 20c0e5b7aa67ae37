// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/proxy/catalog/wire"
	"github.com/causeway-mq/causeway/proxy/errand"
	"github.com/causeway-mq/causeway/proxy/session"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// Inquiry, the simple story: somebody asks what became of a message, or wants a client disconnected; the errand goes to every proxy that waits for one here (GET errand.QuestionsPath),
// each tells what came of it (POST errand.AnswersPath, errand.PartingsPath), and whoever has not done so within a bound is named.
//
// What must hold: nobody is asked what he does not wait for, so a control plane needs no way to a proxy. Each control plane asks for itself, since each proxy waits at every one of
// them: nothing of it is shared. A proxy that was there a while ago and is not there now took its records with it, or cannot be reached: it is named, never left out.

const (
	// answerBound is how long proxies have for an answer.
	answerBound = 2 * time.Second
	// missed is how long a proxy that waits no more is named.
	missed = time.Hour
	// maxAsked bounds the questions that wait for one proxy; a further one is not asked there, and the proxy is named.
	maxAsked = 64
	maxRun   = 64
)

// witness is a process of a proxy that sees to errands.
type witness struct {
	name, run string
	met       time.Time // first heard of
	heard     time.Time // last
	waiting   int       // of its calls for errands
	asked     errand.Errands
	wake      chan struct{} // closed and replaced when something is asked
}

type witnessID struct{ name, run string }

// inquiry is one errand that not everybody has seen to.
type inquiry struct {
	number  string
	left    map[witnessID]bool
	replies []reply
	all     chan struct{} // closed when left is empty
}

// reply is what one proxy said; one of the two is set, after what it was asked.
type reply struct {
	by     witnessID
	told   trail.Answer
	parted errand.Parted
}

// AskProxies asks every proxy what became of a message, by proxy's name. It returns when all have answered, within two seconds otherwise, or when ctx ends.
func (f *Feed) AskProxies(ctx context.Context, q trail.Question) (all []trail.Testimony) {
	q.Number = rand.Text()
	heard, silent := f.dispatch(ctx, q.Number, func(e *errand.Errands) { e.Questions = append(e.Questions, q) })
	now := f.opt.Clock.Now()
	for _, r := range heard {
		r.told.Proxy = r.by.name
		all = append(all, trail.Testimony{Answer: r.told, Answered: true, Heard: now})
	}
	for _, w := range silent {
		all = append(all, trail.Testimony{Answer: trail.Answer{Proxy: w.name}, Heard: w.heard})
	}
	slices.SortStableFunc(all, func(a, b trail.Testimony) int { return cmp.Compare(a.Proxy, b.Proxy) })
	return all
}

// Disconnect has every proxy part with clients, by proxy's name. It returns as AskProxies does; a proxy that did not answer in time may do it later.
func (f *Feed) Disconnect(ctx context.Context, whom session.Whom) (all []errand.Outcome) {
	p := errand.Parting{Number: rand.Text(), Whom: whom}
	heard, silent := f.dispatch(ctx, p.Number, func(e *errand.Errands) { e.Partings = append(e.Partings, p) })
	for _, r := range heard {
		all = append(all, errand.Outcome{Proxy: r.by.name, Answered: true, Parted: r.parted})
	}
	for _, w := range silent {
		all = append(all, errand.Outcome{Proxy: w.name, Heard: w.heard})
	}
	slices.SortStableFunc(all, func(a, b errand.Outcome) int { return cmp.Compare(a.Proxy, b.Proxy) })
	return all
}

// dispatch lays an errand out and waits for what comes of it.
func (f *Feed) dispatch(ctx context.Context, number string, lay func(*errand.Errands)) (heard []reply, silent []witness) {
	one, asked := f.pose(number, lay)
	defer f.withdraw(one)
	bound := f.opt.Clock.NewTimer(answerBound)
	defer bound.Stop()
	select {
	case <-one.all:
	case <-bound.C():
	case <-f.over:
	case <-ctx.Done():
	}
	return f.gather(one, asked)
}

// pose lays an errand out.
func (f *Feed) pose(number string, lay func(*errand.Errands)) (*inquiry, []witness) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgetWitnesses()
	one := &inquiry{number: number, left: map[witnessID]bool{}, all: make(chan struct{})}
	var asked []witness
	now := f.opt.Clock.Now()
	for id, w := range f.witnesses {
		asked = append(asked, *w)
		if w.waiting == 0 && now.Sub(w.heard) > quiet || w.asked.Len() >= maxAsked {
			continue // it is named, and not waited for
		}
		one.left[id] = true
		lay(&w.asked)
		close(w.wake)
		w.wake = make(chan struct{})
	}
	f.inquiries[number] = one
	if len(one.left) == 0 {
		close(one.all)
	}
	return one, asked
}

// withdraw takes an errand back from those who have not come for it.
func (f *Feed) withdraw(one *inquiry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.inquiries, one.number)
	for _, w := range f.witnesses {
		w.asked.Questions = slices.DeleteFunc(w.asked.Questions, func(q trail.Question) bool { return q.Number == one.number })
		w.asked.Partings = slices.DeleteFunc(w.asked.Partings, func(p errand.Parting) bool { return p.Number == one.number })
	}
}

// gather is who answered and who did not. A process that is gone is not named once the next one of its name has come.
func (f *Feed) gather(one *inquiry, asked []witness) (heard []reply, silent []witness) {
	f.mu.Lock()
	defer f.mu.Unlock()
	met := map[string]time.Time{}
	for _, w := range asked {
		if w.met.After(met[w.name]) {
			met[w.name] = w.met
		}
	}
	for _, w := range asked {
		answered := slices.ContainsFunc(one.replies, func(r reply) bool { return r.by == witnessID{w.name, w.run} })
		if !answered && !w.heard.Before(met[w.name]) {
			silent = append(silent, w)
		}
	}
	return slices.Clone(one.replies), silent
}

// forgetWitnesses needs mu.
func (f *Feed) forgetWitnesses() {
	now := f.opt.Clock.Now()
	for id, w := range f.witnesses {
		if w.waiting == 0 && now.Sub(w.heard) > missed {
			delete(f.witnesses, id)
		}
	}
}

// witnessOf reads who calls.
func witnessOf(r *http.Request) (id witnessID, ok bool) {
	id = witnessID{r.Header.Get(wire.ProxyHeader), r.URL.Query().Get(errand.RunParameter)}
	return id, id.name != "" && id.run != "" && len(id.name) <= maxFollowerName && len(id.run) <= maxRun
}

// questions lets a proxy wait for questions, and gives it those that there are.
func (f *Feed) questions(w http.ResponseWriter, r *http.Request) {
	id, ok := witnessOf(r)
	if !ok {
		say(w, http.StatusBadRequest, "questions: the proxy's name, in "+wire.ProxyHeader+", and its run are needed: at most "+strconv.Itoa(maxFollowerName)+" and "+strconv.Itoa(maxRun)+" characters")
		return
	}
	one := f.attend(id)
	if one == nil {
		say(w, http.StatusServiceUnavailable, "too many proxies wait for questions here")
		return
	}
	defer f.leave(one)
	timer := f.opt.Clock.NewTimer(maxWait)
	defer timer.Stop()
	for {
		asked, wake := f.askedOf(one)
		if asked.Len() > 0 {
			f.ask(w, asked)
			return
		}
		select {
		case <-wake:
		case <-timer.C():
			w.WriteHeader(http.StatusNoContent)
			return
		case <-f.over:
			say(w, http.StatusServiceUnavailable, "this control plane stops")
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (f *Feed) ask(w http.ResponseWriter, asked errand.Errands) {
	body, err := json.Marshal(asked)
	if err != nil {
		f.opt.Log.Error("feed: questions cannot be written", "error", err)
		say(w, http.StatusInternalServerError, "defect")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(body); err != nil {
		f.opt.Log.Debug("feed: a proxy did not take a question", "error", err)
	}
}

// attend is nil where there are too many.
func (f *Feed) attend(id witnessID) *witness {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.opt.Clock.Now()
	one := f.witnesses[id]
	if one == nil {
		if len(f.witnesses) >= maxFollowers {
			f.forgetWitnesses()
		}
		if len(f.witnesses) >= maxFollowers {
			return nil
		}
		one = &witness{name: id.name, run: id.run, met: now, wake: make(chan struct{})}
		f.witnesses[id] = one
	}
	one.heard = now
	one.waiting++
	return one
}

func (f *Feed) leave(one *witness) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one.heard = f.opt.Clock.Now()
	one.waiting--
}

// askedOf gives what a proxy is asked, with the channel that is closed when that grows.
func (f *Feed) askedOf(one *witness) (errand.Errands, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := one.asked
	one.asked = errand.Errands{}
	return asked, one.wake
}

// answers takes what a proxy remembers.
func (f *Feed) answers(w http.ResponseWriter, r *http.Request) {
	id, ok := witnessOf(r)
	if !ok {
		say(w, http.StatusBadRequest, "answer: the proxy's name and its run are needed")
		return
	}
	a, err := trail.DecodeAnswer(http.MaxBytesReader(w, r.Body, trail.MaxAnswer))
	if err != nil {
		say(w, http.StatusBadRequest, "answer: "+err.Error())
		return
	}
	f.hear(a.Number, reply{by: id, told: a})
	w.WriteHeader(http.StatusNoContent)
}

// partings takes what came of a parting at a proxy.
func (f *Feed) partings(w http.ResponseWriter, r *http.Request) {
	id, ok := witnessOf(r)
	if !ok {
		say(w, http.StatusBadRequest, "parting: the proxy's name and its run are needed")
		return
	}
	p, err := errand.DecodeParted(http.MaxBytesReader(w, r.Body, errand.MaxParted))
	if err != nil {
		say(w, http.StatusBadRequest, "parting: "+err.Error())
		return
	}
	f.hear(p.Number, reply{by: id, parted: p})
	w.WriteHeader(http.StatusNoContent)
}

// hear takes a reply. One that comes too late, or twice, is nobody's.
func (f *Feed) hear(number string, said reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.inquiries[number]
	if one == nil || !one.left[said.by] {
		return
	}
	delete(one.left, said.by)
	one.replies = append(one.replies, said)
	if len(one.left) == 0 {
		close(one.all)
	}
}
