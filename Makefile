# SPDX-License-Identifier: Apache-2.0
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help


.PHONY: help run build test check unit postgres clients durability test-cluster test-cluster-long bench bench-cluster bench-scale profile openapi fmt clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

run: build ## build, then run the whole platform on this machine
	@exec bin/causeway up --demo

build: ## build bin/causeway
	@tools/setup go
	@echo "building bin/causeway; the first time it takes some minutes, up to ten on a small machine that has much to do"
	@go build -v -trimpath -o bin/causeway ./cmd/causeway 2>&1 | tools/built

test: ## every test, fast checks first, with its time by part
	@tools/test all

check: ## formatting, vet, architecture, lint
	@tools/test check

unit: ## unit tests under the race detector
	@tools/test unit

postgres: ## the control plane's store on a real PostgreSQL server, which is fetched once
	@tools/test postgres

clients: ## the official clients against a running server
	@tools/test clients

durability: ## power loss, failing disk calls, kill -9, bit flips
	@tools/test durability

test-cluster: ## what needs real RocketMQ brokers (starts Java processes), part of make test
	@tools/test cluster

test-cluster-long: ## the long proofs on real brokers, every test named TestLong: brokers and proxies die under load
	@tools/test cluster-long

bench: build ## measure, side by side; writes bench/results
	@bench/run

bench-cluster: build ## the same against Apache's own proxy, before a real broker (starts Java processes, 15 minutes at most)
	@tools/setup java
	@bench/run -cluster

bench-scale: build ## the control plane with 1,000 tenants, 10,000 topics, 10,000 groups
	@bench/run -scale

profile: build ## renew the profile that builds are optimized by: a proxy under every load, over each transport, before a real broker
	@tools/setup java
	@bench/run -cluster -only causeway -leave causeway-grpc-go -rounds 2 -idle 0 -out '' -pprof .build/lean.prof
	@bench/run -cluster -only causeway-grpc-go -rounds 2 -idle 0 -out '' -pprof .build/stock.prof
	@go tool pprof -proto .build/stock.prof .build/lean.prof >cmd/causeway/default.pgo

openapi: ## renew what is made from the API's table of operations: docs/openapi.json
	@CAUSEWAY_RENEW=1 go test -count=1 -run UpToDate ./control/api

fmt: ## format the Go code
	@gofmt -w $$(git ls-files '*.go')

clean: ## remove what was built
	@rm -rf bin .build
