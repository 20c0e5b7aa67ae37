# SPDX-License-Identifier: Apache-2.0
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help


.PHONY: help run build test check unit clients durability bench cluster-smoke fmt clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: build ## build, then run the whole platform on this machine
	@exec bin/causeway up

build: ## build bin/causeway
	@tools/setup go
	@echo "building bin/causeway; the first time takes a minute or more"
	@go build -trimpath -o bin/causeway ./cmd/causeway

test: ## every test, fast checks first, with its time by part
	@tools/test all

check: ## formatting, vet, architecture, lint
	@tools/test check

unit: ## unit tests under the race detector
	@tools/test unit

clients: ## the official clients against a running server
	@tools/test clients

durability: ## power loss, failing disk calls, kill -9, bit flips
	@tools/test durability

bench: build ## measure, side by side; writes bench/results
	@bench/run

cluster-smoke: ## speak to a real RocketMQ broker, request by request (starts Java processes)
	@tools/setup java
	@CAUSEWAY_CLUSTER=1 go test -count=1 -timeout 10m -run TestARealCluster -v ./tools/rocketmq/cluster

fmt: ## format the Go code
	@gofmt -w $$(git ls-files '*.go')

clean: ## remove what was built
	@rm -rf bin .build
