#!/bin/sh
# Makes the namespace TEMPORAL_NAMESPACE on the server at TEMPORAL_ADDRESS, where it is not there, and ends once the server serves it.
# NAMESPACE_RETENTION is how long the server remembers jobs that have ended; outputs know of themselves how far they got.
set -eu

patience=120 # seconds, for each step

until_so() { # what, command...
    what=$1
    shift
    left=$patience
    until said=$("$@" 2>&1); do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then
            echo "still not: $what: $said" >&2
            exit 1
        fi
        sleep 1
    done
}

there() { temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE"; }
there_or_made() { there || temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$NAMESPACE_RETENTION"; }

until_so "the server at $TEMPORAL_ADDRESS serves" temporal operator cluster health
until_so "the namespace $TEMPORAL_NAMESPACE is there" there_or_made
until_so "the namespace $TEMPORAL_NAMESPACE is served" temporal workflow list --limit 1
echo "the namespace $TEMPORAL_NAMESPACE is served"
