// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/causeway-mq/causeway/proxy/catalog/wire"
	"github.com/causeway-mq/causeway/proxy/trail"
)

// Inquiry, the simple story: somebody asks what became of a message; the question goes to every proxy that waits for one here (GET trail.QuestionsPath), each brings its answer
// (POST trail.AnswersPath), and whoever has not done so within a bound is named.
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

// witness is a process of a proxy that answers questions.
type witness struct {
	name, run string
	met       time.Time // first heard of
	heard     time.Time // last
	waiting   int       // of its calls for questions
	asked     []trail.Question
	wake      chan struct{} // closed and replaced when something is asked
}

type witnessID struct{ name, run string }

// inquiry is one question that is not answered by all.
type inquiry struct {
	left    map[witnessID]bool
	answers []trail.Answer
	all     chan struct{} // closed when left is empty
}

// AskProxies asks every proxy what became of a message, by proxy's name. It returns when all have answered, within two seconds otherwise, or when ctx ends.
func (f *Feed) AskProxies(ctx context.Context, q trail.Question) []trail.Testimony {
	q.Number = rand.Text()
	one, asked := f.pose(q)
	defer f.withdraw(q.Number)
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

// pose lays a question out.
func (f *Feed) pose(q trail.Question) (*inquiry, []witness) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgetWitnesses()
	one := &inquiry{left: map[witnessID]bool{}, all: make(chan struct{})}
	var asked []witness
	now := f.opt.Clock.Now()
	for id, w := range f.witnesses {
		asked = append(asked, *w)
		if w.waiting == 0 && now.Sub(w.heard) > quiet || len(w.asked) >= maxAsked {
			continue // it is named, and not waited for
		}
		one.left[id] = true
		w.asked = append(w.asked, q)
		close(w.wake)
		w.wake = make(chan struct{})
	}
	f.inquiries[q.Number] = one
	if len(one.left) == 0 {
		close(one.all)
	}
	return one, asked
}

// withdraw takes a question back from those who have not come for it.
func (f *Feed) withdraw(number string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.inquiries, number)
	for _, w := range f.witnesses {
		w.asked = slices.DeleteFunc(w.asked, func(q trail.Question) bool { return q.Number == number })
	}
}

// gather is who answered and who did not. A process that is gone is not named once the next one of its name has come.
func (f *Feed) gather(one *inquiry, asked []witness) (all []trail.Testimony) {
	f.mu.Lock()
	defer f.mu.Unlock()
	met := map[string]time.Time{}
	for _, a := range one.answers {
		all = append(all, trail.Testimony{Answer: a, Answered: true, Heard: f.opt.Clock.Now()})
	}
	for _, w := range asked {
		if w.met.After(met[w.name]) {
			met[w.name] = w.met
		}
	}
	for _, w := range asked {
		answered := slices.ContainsFunc(one.answers, func(a trail.Answer) bool { return a.Number == w.run })
		if !answered && !w.heard.Before(met[w.name]) {
			all = append(all, trail.Testimony{Answer: trail.Answer{Proxy: w.name}, Heard: w.heard})
		}
	}
	slices.SortStableFunc(all, func(a, b trail.Testimony) int { return cmp.Compare(a.Proxy, b.Proxy) })
	return all
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
	id = witnessID{r.Header.Get(wire.ProxyHeader), r.URL.Query().Get(trail.RunParameter)}
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
		if len(asked) > 0 {
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

func (f *Feed) ask(w http.ResponseWriter, asked []trail.Question) {
	body, err := trail.EncodeQuestions(asked)
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
func (f *Feed) askedOf(one *witness) ([]trail.Question, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := one.asked
	one.asked = nil
	return asked, one.wake
}

// answers takes a proxy's answer. One that comes too late, or twice, is nobody's.
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
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.inquiries[a.Number]; one != nil && one.left[id] {
		delete(one.left, id)
		a.Proxy, a.Number = id.name, id.run // from here on it is told by its run who answered
		one.answers = append(one.answers, a)
		if len(one.left) == 0 {
			close(one.all)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
