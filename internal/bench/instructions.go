package main

func instructions([]string) error { return nil }
