// An index that lags behind its table: an entry is kept back from the moment of its put, for a time of its own, so that entries come out of order. Now and
// then it answers as a replica that is behind: with an older page of the same request. Every answer is one that DynamoDB could give.
'use strict'

const keyNames = ['active', 'commitId', 'aggregateId', 'version']
const keyOf = item => Object.fromEntries(keyNames.map(name => [name, item[name]]))

// The commits that a request puts.
function commitsOf (operation, asked) {
  const puts = operation === 'PutItem' ? [asked] : operation === 'TransactWriteItems' ? asked.TransactItems.flatMap(action => action.Put || []) : []
  return puts.map(put => put.Item).filter(item => item.commitId)
}

class IndexLag {
  // least, most: how long an entry is kept back, in ms; stale: the probability of an older page; stale_ms: how old it may be; roll: the dice; tell: of events
  constructor (options, roll, tell) {
    Object.assign(this, options, { roll, tell, putting: new Map(), shownAt: new Map(), keys: new Map(), pages: new Map() })
  }

  // The answer to a request whose body is `asked`; ask(body) is the engine's, as {status, headers, body}.
  async answer (operation, asked, ask) {
    const commits = commitsOf(operation, asked)
    if (commits.length > 0) return this.put(commits, () => ask(asked))
    if (operation === 'Query' && asked.IndexName) return this.query(asked, ask)
    return ask(asked)
  }

  // The index may have an entry before the put's answer is known: it is kept back from before the put on.
  async put (commits, ask) {
    const count = (id, by) => this.putting.set(id, (this.putting.get(id) || 0) + by)
    const ids = commits.map(item => item.commitId.N)
    ids.forEach(id => count(id, 1))
    try {
      const answer = await ask()
      if (answer.status === 200) {
        for (const item of commits) {
          const id = item.commitId.N
          if (this.shownAt.has(id)) continue       // the same put once more
          this.shownAt.set(id, Date.now() + this.least + this.roll() * (this.most - this.least))
          this.keys.set(id, keyOf(item))
        }
      }
      return answer
    } finally {
      ids.forEach(id => count(id, -1))
    }
  }

  isShown (item) {
    const id = item.commitId.N
    return this.shownAt.has(id) ? this.shownAt.get(id) <= Date.now() : !this.putting.get(id)
  }

  async query (asked, ask) {
    const request = JSON.stringify(asked)
    const now = Date.now()
    const pages = (this.pages.get(request) || []).filter(page => page.at > now - this.stale_ms)
    if (pages.length > 0 && this.roll() < this.stale) {
      this.tell('lag', { stale: true, kept_back: 0 })
      return structuredClone(pages[0].answer)
    }
    const answer = await this.withoutLate(asked, ask)
    this.pages.set(request, [...pages, { at: now, answer: structuredClone(answer) }])
    return answer
  }

  // A page that would have nothing left is no page: the next one is read in its place.
  async withoutLate (asked, ask) {
    for (let from = asked; ;) {
      const answer = await ask(from)
      const { Items: items, LastEvaluatedKey: last } = answer.body
      if (answer.status !== 200 || !items) return answer
      const shown = items.filter(item => this.isShown(item))
      if (shown.length === items.length) return answer
      this.tell('lag', { stale: false, kept_back: items.length - shown.length })
      if (shown.length === 0 && last) {
        from = { ...asked, ExclusiveStartKey: last }
        continue
      }
      Object.assign(answer.body, { Items: shown, Count: shown.length, ScannedCount: shown.length })
      const key = last && this.keys.get(shown.at(-1).commitId.N)
      if (key) answer.body.LastEvaluatedKey = key
      return answer
    }
  }
}

module.exports = { IndexLag }
